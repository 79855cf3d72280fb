-- Announcements that filters hold back until they match.

-- More states from here on: held (a filter does not match; `detail` names it), filtered (none did until the stream was over).

-- Set when it was owed later than its session began, because filters matched, or its watch was made, only then. It is worded from
-- what is known of the session, and not from what was frozen.
ALTER TABLE delivery ADD COLUMN matched_at INTEGER;
-- What open sessions hold back; nothing of one that is over is held.
CREATE INDEX delivery_held ON delivery (broadcaster_id, guild_id) WHERE state = 'held';
