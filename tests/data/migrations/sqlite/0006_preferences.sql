-- Sample rows of version 6: a server with a mention and a text, and a streamer who is worded and filtered otherwise.
UPDATE guild SET preferences = '{"mention":"everyone","message":"{streamer} is live {mention}","on_end":"delete"}'
    WHERE guild_id = (SELECT MIN(guild_id) FROM guild);
UPDATE watch SET preferences = '{"mention":"nobody","only_category":[{"id":"7","name":"Celeste"}],"min_viewers":10}'
    WHERE guild_id = (SELECT MIN(guild_id) FROM watch);
