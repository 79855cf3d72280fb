-- The life of a message: edited while its stream goes on, then told how it went, deleted or kept; and published.

-- How many watched, summed up over the looks: the average is the sum divided by the looks.
ALTER TABLE session ADD COLUMN peak_viewers INTEGER;
ALTER TABLE session ADD COLUMN viewers_sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN viewers_looks INTEGER NOT NULL DEFAULT 0;

-- What was streamed in a session, in order: each lasts until the next begins, the last until the end. Kept as long as the
-- session's facts.
CREATE TABLE chapter (
    -- Grows with time, so the order holds whatever the clock does.
    chapter_id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    since      INTEGER NOT NULL,
    -- Title, category, tags and language, as JSON.
    stream     TEXT    NOT NULL
) STRICT;
CREATE INDEX chapter_session ON chapter (session_id, chapter_id);
-- Of what goes on nobody knows what it began with; what is known counts from its start.
INSERT INTO chapter (session_id, since, stream)
    SELECT session_id, started_at,
           json_remove(stream, '$.id', '$.login', '$.display_name', '$.viewers', '$.started_at', '$.thumbnail')
    FROM session JOIN session_facts USING (session_id) WHERE ended_at IS NULL;

-- When the announcement was last edited.
ALTER TABLE delivery ADD COLUMN edited_at INTEGER;
-- When the announcement was deleted because its stream was over and its server wants it so.
ALTER TABLE delivery ADD COLUMN deleted_at INTEGER;

-- The latest wish that is not to wait. What was wished for after it waits until its message may be edited again.
ALTER TABLE revision ADD COLUMN pressing INTEGER NOT NULL DEFAULT 0;
UPDATE revision SET pressing = wish;

-- Sessions that are over and whose recordings are looked for.
CREATE TABLE recording_look (
    session_id INTEGER PRIMARY KEY REFERENCES session ON DELETE CASCADE,
    -- When the session was found to be over; the looks count from there.
    since      INTEGER NOT NULL,
    due_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX recording_look_due ON recording_look (due_at);

-- Recordings that Twitch keeps of the streams of a session.
CREATE TABLE recording (
    video_id   TEXT    PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    stream_id  TEXT    NOT NULL,
    url        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX recording_session ON recording (session_id);

-- Announcements that are to be published to the servers that follow their channel.
CREATE TABLE publication (
    delivery_id INTEGER PRIMARY KEY REFERENCES delivery ON DELETE CASCADE,
    channel_id  INTEGER NOT NULL,
    -- wanted, done, over_budget (too many in the channel within an hour), refused
    state       TEXT    NOT NULL DEFAULT 'wanted',
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    settled_at  INTEGER
) STRICT;
CREATE INDEX publication_due ON publication (due_at) WHERE state = 'wanted';
CREATE INDEX publication_done ON publication (channel_id, settled_at) WHERE state = 'done';
