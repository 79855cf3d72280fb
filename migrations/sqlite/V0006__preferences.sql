-- How announcements are wanted, by servers and for single streamers.

-- What is set, as JSON; NULL when nothing is. It is read and written whole and never searched.
ALTER TABLE guild ADD COLUMN preferences TEXT;
-- The same for one streamer; what it leaves open follows the server.
ALTER TABLE watch ADD COLUMN preferences TEXT;
