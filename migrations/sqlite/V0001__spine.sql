-- The spine: who wants to hear about whom, what was seen, and what is owed.
-- Times are milliseconds since the Unix epoch. Snowflakes fit a signed 64-bit integer.

-- One row, made with the file. The token goes into every nonce, so that a new database never repeats those of an old one.
CREATE TABLE installation (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    token      TEXT    NOT NULL,
    -- Roughly until when Twitch was being looked at; tells a restart how long nobody looked.
    looked_at  INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO installation (id, token) VALUES (1, lower(hex(randomblob(16))));

CREATE TABLE guild (
    guild_id   INTEGER PRIMARY KEY,
    -- Where announcements go that have no channel of their own.
    channel_id INTEGER,
    -- Set while the bot is not in the server; the server is forgotten some days later.
    left_at    INTEGER
) STRICT;

CREATE TABLE streamer (
    broadcaster_id    TEXT    PRIMARY KEY,
    login             TEXT    NOT NULL,
    display_name      TEXT    NOT NULL,
    image             TEXT,
    -- When the account was last asked for; 0 asks for it at once.
    refreshed_at      INTEGER NOT NULL,
    -- Since when Twitch does not know the account: banned, or deleted.
    unavailable_since INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX streamer_refreshed ON streamer (refreshed_at);

-- Logins that a streamer has had, so that an admin finds him by the old one.
CREATE TABLE former_login (
    broadcaster_id TEXT NOT NULL REFERENCES streamer ON DELETE CASCADE,
    login          TEXT NOT NULL,
    PRIMARY KEY (broadcaster_id, login)
) STRICT, WITHOUT ROWID;

CREATE TABLE watch (
    guild_id       INTEGER NOT NULL REFERENCES guild ON DELETE CASCADE,
    broadcaster_id TEXT    NOT NULL REFERENCES streamer,
    -- A channel of its own; NULL follows the server's.
    channel_id     INTEGER,
    added_at       INTEGER NOT NULL,
    added_by       INTEGER NOT NULL,
    -- 1 until the streamer was looked at for this watch: who is live already is announced then.
    fresh          INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (guild_id, broadcaster_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX watch_broadcaster ON watch (broadcaster_id);
CREATE INDEX watch_fresh ON watch (broadcaster_id) WHERE fresh = 1;

CREATE TABLE session (
    session_id     INTEGER PRIMARY KEY,
    broadcaster_id TEXT    NOT NULL REFERENCES streamer,
    started_at     INTEGER NOT NULL,
    -- The last sighting that changed something.
    seen_at        INTEGER NOT NULL,
    missing_since  INTEGER,
    ended_at       INTEGER,
    -- The stream as last seen, as JSON.
    stream         TEXT    NOT NULL
) STRICT;
-- However many look, a broadcaster has one session at a time.
CREATE UNIQUE INDEX session_open ON session (broadcaster_id) WHERE ended_at IS NULL;

-- Every stream id belongs to one session for ever: the same stream is never announced again.
CREATE TABLE session_stream (
    stream_id  TEXT    PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES session ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX session_stream_session ON session_stream (session_id);

CREATE TABLE transition (
    transition_id INTEGER PRIMARY KEY,
    session_id    INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    kind          TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    source        TEXT    NOT NULL,
    -- The facts as they were, as JSON.
    stream        TEXT    NOT NULL,
    UNIQUE (session_id, kind)
) STRICT;

CREATE TABLE delivery (
    delivery_id    INTEGER PRIMARY KEY,
    transition_id  INTEGER NOT NULL REFERENCES transition ON DELETE CASCADE,
    guild_id       INTEGER NOT NULL,
    broadcaster_id TEXT    NOT NULL,
    channel_id     INTEGER NOT NULL,
    -- pending, leased, delivered, refused, expired (the session ended first), cancelled (the watch was removed first)
    state          TEXT    NOT NULL DEFAULT 'pending',
    decided_at     INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    attempts       INTEGER NOT NULL DEFAULT 0,
    leased_until   INTEGER,
    settled_at     INTEGER,
    message_id     INTEGER,
    -- Why it was refused, or why the last attempt failed.
    detail         TEXT
) STRICT;
-- Exactly one announcement per stream and server. The channel is left out on purpose: moving a watch, or removing and
-- adding it, must not ring twice.
CREATE UNIQUE INDEX delivery_once ON delivery (transition_id, guild_id);
CREATE INDEX delivery_due ON delivery (due_at, delivery_id) WHERE state = 'pending';
CREATE INDEX delivery_leased ON delivery (leased_until) WHERE state = 'leased';
CREATE INDEX delivery_watch ON delivery (guild_id, broadcaster_id, delivery_id);

-- When the gateway was asked for a new session, for a day: Discord resets the token of a bot that asks too often.
CREATE TABLE gateway_identify (
    identify_id INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL
) STRICT;

-- What was last registered with Discord, so that an unchanged set of commands is not sent again.
CREATE TABLE command_set (
    application_id INTEGER PRIMARY KEY,
    hash           TEXT    NOT NULL
) STRICT;
