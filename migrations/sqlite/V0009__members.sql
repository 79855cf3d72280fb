-- Members who choose which streamers may ping them, and the messages in which they are mentioned.

-- What a member has chosen about one streamer of a server; nothing is kept of anybody who has chosen nothing.
CREATE TABLE member_choice (
    guild_id       INTEGER NOT NULL,
    broadcaster_id TEXT    NOT NULL,
    user_id        INTEGER NOT NULL,
    -- on, off
    choice         TEXT    NOT NULL,
    chosen_at      INTEGER NOT NULL,
    PRIMARY KEY (guild_id, broadcaster_id, user_id),
    FOREIGN KEY (guild_id, broadcaster_id) REFERENCES watch ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX member_choice_user ON member_choice (user_id);

-- Who is mentioned in an announcement that stands, or is to be mentioned in a reply to it. Forgotten with the session's end.
CREATE TABLE mentioned (
    delivery_id INTEGER NOT NULL REFERENCES delivery ON DELETE CASCADE,
    user_id     INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentioned_user ON mentioned (user_id);

-- 0 is the announcement; from 1 on they are replies to it that mention the members for whom it had no room.
ALTER TABLE delivery ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
DROP INDEX delivery_once;
CREATE UNIQUE INDEX delivery_once ON delivery (transition_id, guild_id, part);
