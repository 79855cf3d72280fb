-- Posts in forums.

-- The channel of its own that the announcement stands in, if it is a post in a forum; NULL when it stands in the channel itself.
ALTER TABLE delivery ADD COLUMN posted_in INTEGER;
