-- Hearing of streams over HTTP, for those who have a public address.

-- What Twitch has posted within the last twenty minutes: what comes again is known by its id, and what one process has
-- heard and not looked up is looked up by the next.
CREATE TABLE push (
    -- Grows with time, so that the oldest are found without an index.
    push_id        INTEGER PRIMARY KEY,
    message_id     TEXT    NOT NULL UNIQUE,
    heard_at       INTEGER NOT NULL,
    -- The stream that has begun, if that is what it says.
    stream_id      TEXT,
    broadcaster_id TEXT,
    login          TEXT,
    display_name   TEXT,
    started_at     INTEGER
) STRICT;

-- The addresses that subscriptions were made to go to; a subscription that goes elsewhere belongs to another deployment.
CREATE TABLE callback (
    url         TEXT PRIMARY KEY,
    -- Tells whether the secret has become another one since.
    secret_mark TEXT NOT NULL
) STRICT, WITHOUT ROWID;
