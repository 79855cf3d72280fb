-- Sample rows of version 2: a paused route that was told and one that is open again, and deliveries in every new state.
UPDATE guild SET late = 'quiet', doubt = 'never', asked_in = 1200000000000000009 WHERE guild_id = 1100000000000000001;
UPDATE guild SET here_since = 1795230000000 WHERE guild_id = 1100000000000000002;
INSERT INTO route (guild_id, channel_id, paused_since, refusal, missing, check_at, told_at, resumed_at) VALUES
    (1100000000000000001, 1200000000000000001, 1795248060000, 'missing_permission', 16384, 1795251660000, 1795248060000, NULL),
    (1100000000000000001, 1200000000000000002, NULL, 'unknown_channel', 0, 1795201660000, 1795200000000, 1795210000000);
INSERT INTO notice (guild_id, matter, state, since, due_at, attempts, channel_id, settled_at) VALUES
    (1100000000000000001, '{"paused":1200000000000000001}', 'told', 1795248060000, 1795248060000, 0, 1200000000000000009, 1795248061000),
    (1100000000000000001, '{"renamed":{"name":"Ann","from":"ann_before","to":"ann"}}', 'pending', 1795248060000, 1795248060000, 2, NULL, NULL),
    (1100000000000000002, '{"vanished":{"name":"Gone","login":"gone"}}', 'dropped', 1795230000000, 1795230000000, 9, NULL, 1795251600000);
INSERT INTO session (session_id, broadcaster_id, started_at, seen_at, missing_since, ended_at) VALUES
    (3, '1002', 1795230000000, 1795231000000, 1795231030000, 1795231330000);
INSERT INTO session_facts (session_id, stream) VALUES
    (3, '{"id":"9004","login":"bob","display_name":"Bob","viewers":0,"started_at":1795230000000}');
INSERT INTO session_stream (stream_id, session_id) VALUES ('9004', 3);
INSERT INTO transition (transition_id, session_id, kind, at, source) VALUES
    (3, 3, 'began', 1795230030000, 'poll');
INSERT INTO delivery (transition_id, guild_id, broadcaster_id, channel_id, state, decided_at, due_at, owed_since, attempts,
                      leased_at, sent_at, unsure_since, doubt, settled_at, message_id, detail) VALUES
    (3, 1100000000000000001, '1002', 1200000000000000002, 'kept_back', 1795230030000, 1795230030000, 1795230000000, 2,
     1795230200000, NULL, 1795230030000, 'kept_back', 1795230201000, NULL, 'no answer in time'),
    (3, 1100000000000000002, '1002', 1200000000000000003, 'skipped', 1795230030000, 1795230030000, 1795230000000, 1,
     1795231000000, NULL, NULL, NULL, 1795231000000, NULL, NULL);
