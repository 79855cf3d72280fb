-- Delivery at product grade: routes that are paused and told of, what is late, what is in doubt, and when each step happened.

-- What the server wants of late announcements: post, quiet, skip.
ALTER TABLE guild ADD COLUMN late TEXT NOT NULL DEFAULT 'post';
-- What it wants when nobody can tell whether something was announced: twice, never.
ALTER TABLE guild ADD COLUMN doubt TEXT NOT NULL DEFAULT 'twice';
-- The channel in which an admin last used /setchannel.
ALTER TABLE guild ADD COLUMN asked_in INTEGER;
-- When the bot came back after it had been removed.
ALTER TABLE guild ADD COLUMN here_since INTEGER;

-- Up to which end of sessions the history has been made smaller: the frozen facts of transitions, and those of sessions.
ALTER TABLE installation ADD COLUMN thawed_to INTEGER NOT NULL DEFAULT 0;
ALTER TABLE installation ADD COLUMN slimmed_to INTEGER NOT NULL DEFAULT 0;
-- Counts trials of whether the file takes a write: SQLite writes nothing when a row stays as it was.
ALTER TABLE installation ADD COLUMN trials INTEGER NOT NULL DEFAULT 0;

-- The facts are forgotten long before what they are about. In tables of their own they leave whole pages behind that are
-- used again; in the rows of the others they would leave holes in pages that nothing fills.
CREATE TABLE session_facts (
    session_id INTEGER PRIMARY KEY REFERENCES session ON DELETE CASCADE,
    -- The stream as last seen, as JSON.
    stream     TEXT    NOT NULL
) STRICT;
INSERT INTO session_facts SELECT session_id, stream FROM session;
ALTER TABLE session DROP COLUMN stream;
CREATE TABLE transition_facts (
    transition_id INTEGER PRIMARY KEY REFERENCES transition ON DELETE CASCADE,
    -- The stream as it was, as JSON; a delivery is worded from it.
    stream        TEXT    NOT NULL
) STRICT;
INSERT INTO transition_facts SELECT transition_id, stream FROM transition;
ALTER TABLE transition DROP COLUMN stream;

-- 1 when the servers that watch have been told that the account is gone.
ALTER TABLE streamer ADD COLUMN vanish_told INTEGER NOT NULL DEFAULT 0;
CREATE INDEX streamer_vanished ON streamer (unavailable_since) WHERE unavailable_since IS NOT NULL AND vanish_told = 0;

-- Since when this server could have been told; lateness counts from there.
ALTER TABLE delivery ADD COLUMN owed_since INTEGER NOT NULL DEFAULT 0;
-- When the latest attempt began.
ALTER TABLE delivery ADD COLUMN leased_at INTEGER;
-- When the attempt that succeeded went out.
ALTER TABLE delivery ADD COLUMN sent_at INTEGER;
-- The first attempt of which nobody knows whether it succeeded.
ALTER TABLE delivery ADD COLUMN unsure_since INTEGER;
-- How it went on then: found, not_there, sent_again, kept_back.
ALTER TABLE delivery ADD COLUMN doubt TEXT;
-- More states from here on: paused (the route is), skipped (late, and the server wants none), kept_back (in doubt).

UPDATE delivery SET owed_since = decided_at;
-- Leases lasted two minutes.
UPDATE delivery SET leased_at = leased_until - 120000 WHERE state = 'leased';
-- Whoever failed before may have arrived before.
UPDATE delivery SET unsure_since = decided_at WHERE state = 'pending' AND attempts > 0;

-- For leasing in turns: one transition is never waited for by all others.
CREATE INDEX delivery_turn ON delivery (transition_id, due_at, delivery_id) WHERE state = 'pending';
CREATE INDEX delivery_route ON delivery (guild_id, channel_id) WHERE state IN ('pending', 'paused');
-- The few that were in doubt, among all that a server has had.
CREATE INDEX delivery_doubt ON delivery (guild_id, doubt) WHERE doubt IS NOT NULL;

-- The last session of a streamer, and the oldest of all.
CREATE INDEX session_broadcaster ON session (broadcaster_id, session_id);
CREATE INDEX session_ended ON session (ended_at) WHERE ended_at IS NOT NULL;

-- A server and a channel in which something was refused.
CREATE TABLE route (
    guild_id     INTEGER NOT NULL REFERENCES guild ON DELETE CASCADE,
    channel_id   INTEGER NOT NULL,
    -- NULL while the route is open.
    paused_since INTEGER,
    refusal      TEXT    NOT NULL,
    -- The rights that were found missing, as Discord's bits.
    missing      INTEGER NOT NULL DEFAULT 0,
    check_at     INTEGER NOT NULL,
    told_at      INTEGER,
    resumed_at   INTEGER,
    PRIMARY KEY (guild_id, channel_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX route_check ON route (check_at) WHERE paused_since IS NOT NULL;

-- What the admins of a server are to be told.
CREATE TABLE notice (
    notice_id  INTEGER PRIMARY KEY,
    guild_id   INTEGER NOT NULL REFERENCES guild ON DELETE CASCADE,
    -- What about, as JSON.
    matter     TEXT    NOT NULL,
    -- pending, told, dropped (no place took it, or it was over before it was told)
    state      TEXT    NOT NULL DEFAULT 'pending',
    since      INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    -- Where it was told.
    channel_id INTEGER,
    settled_at INTEGER
) STRICT;
CREATE INDEX notice_due ON notice (due_at) WHERE state = 'pending';
CREATE INDEX notice_settled ON notice (settled_at) WHERE settled_at IS NOT NULL;
