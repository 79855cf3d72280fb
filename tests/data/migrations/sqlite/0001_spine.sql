-- Sample rows of version 1: two servers, one of which has removed the bot, streamers in every state, and deliveries in every
-- state that a killed bot leaves behind.
INSERT INTO guild (guild_id, channel_id, left_at) VALUES
    (1100000000000000001, 1200000000000000001, NULL),
    (1100000000000000002, NULL, 1795240000000);
INSERT INTO streamer (broadcaster_id, login, display_name, image, refreshed_at, unavailable_since) VALUES
    ('1001', 'ann', 'Ann', 'https://cdn.example/ann.png', 1795240000000, NULL),
    ('1002', 'bob', 'Bob', NULL, 1795240000000, NULL),
    ('1003', 'gone', 'Gone', NULL, 1795240000000, 1795230000000);
INSERT INTO former_login (broadcaster_id, login) VALUES ('1001', 'ann_before');
INSERT INTO watch (guild_id, broadcaster_id, channel_id, added_at, added_by, fresh) VALUES
    (1100000000000000001, '1001', NULL, 1795200000000, 1300000000000000001, 0),
    (1100000000000000001, '1002', 1200000000000000002, 1795200000000, 1300000000000000001, 0),
    (1100000000000000001, '1003', NULL, 1795200000000, 1300000000000000001, 1),
    (1100000000000000002, '1001', 1200000000000000003, 1795200000000, 1300000000000000002, 0);
INSERT INTO session (session_id, broadcaster_id, started_at, seen_at, missing_since, ended_at, stream) VALUES
    (1, '1001', 1795248000000, 1795248060000, NULL, NULL,
     '{"id":"9001","login":"ann","display_name":"Ann","title":"Speedrun","category":{"id":"7","name":"Celeste"},"viewers":5,"started_at":1795248000000}'),
    (2, '1002', 1795210000000, 1795220000000, 1795220030000, 1795220330000,
     '{"id":"9002","login":"bob","display_name":"Bob","viewers":0,"started_at":1795210000000}');
INSERT INTO session_stream (stream_id, session_id) VALUES ('9001', 1), ('9002', 2), ('9003', 2);
INSERT INTO transition (transition_id, session_id, kind, at, source, stream) VALUES
    (1, 1, 'began', 1795248060000, 'poll',
     '{"id":"9001","login":"ann","display_name":"Ann","title":"Speedrun","viewers":5,"started_at":1795248000000}'),
    (2, 2, 'began', 1795210060000, 'poll',
     '{"id":"9002","login":"bob","display_name":"Bob","viewers":0,"started_at":1795210000000}');
INSERT INTO delivery (transition_id, guild_id, broadcaster_id, channel_id, state, decided_at, due_at, attempts, leased_until,
                      settled_at, message_id, detail) VALUES
    (1, 1100000000000000001, '1001', 1200000000000000001, 'pending', 1795248060000, 1795248062000, 1, NULL, NULL, NULL,
     'it answers 502'),
    (1, 1100000000000000002, '1001', 1200000000000000003, 'cancelled', 1795248060000, 1795248060000, 0, NULL, 1795248061000,
     NULL, NULL),
    (2, 1100000000000000001, '1002', 1200000000000000002, 'delivered', 1795210060000, 1795210060000, 1, NULL, 1795210061000,
     1400000000000000001, NULL),
    (2, 1100000000000000002, '1002', 1200000000000000003, 'refused', 1795210060000, 1795210060000, 1, NULL, 1795210061000,
     NULL, 'missing_permission'),
    (1, 1100000000000000003, '1001', 1200000000000000004, 'leased', 1795248060000, 1795248060000, 1, 1795248181000, NULL, NULL,
     NULL),
    (1, 1100000000000000004, '1001', 1200000000000000005, 'pending', 1795248060000, 1795248060000, 0, NULL, NULL, NULL, NULL);
INSERT INTO gateway_identify (at) VALUES (1795248000000);
INSERT INTO command_set (application_id, hash) VALUES (1500000000000000001, 'abc');
UPDATE installation SET looked_at = 1795248060000;
