-- Bringing announcements up to date that stand in their channels.

-- The announcement of this delivery is to say what is known of its session now. One row however often that was wished for:
-- it names no words, so a newer wish replaces an older one.
CREATE TABLE revision (
    delivery_id INTEGER PRIMARY KEY REFERENCES delivery ON DELETE CASCADE,
    -- Not before this; and not before the announcement is there.
    due_at      INTEGER NOT NULL,
    -- Attempts since the latest wish.
    attempts    INTEGER NOT NULL DEFAULT 0,
    -- Counts the wishes: one that comes while an edit is under way is not met by that edit.
    wish        INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX revision_due ON revision (due_at, delivery_id);
