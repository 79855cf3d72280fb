-- Hearing of streams over EventSub.

-- The conduit that this bot has made; one that is not remembered here belongs to another deployment.
ALTER TABLE installation ADD COLUMN conduit_id TEXT;
