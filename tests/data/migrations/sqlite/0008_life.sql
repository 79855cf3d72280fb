-- Sample rows of version 8: what happened in sessions, messages that were edited and deleted, recordings that are looked for
-- and that were found, and publications in every state.
UPDATE session SET peak_viewers = 1234, viewers_sum = 2000, viewers_looks = 3 WHERE session_id = 2;
INSERT INTO chapter (session_id, since, stream) VALUES
    (1, 1795248030000, '{"title":"Any%","category":{"id":"7","name":"Celeste"},"tags":["Speedrun"],"language":"en"}'),
    (2, 1795210000000, '{}');
UPDATE delivery SET edited_at = 1795220331000 WHERE delivery_id = 3;
UPDATE delivery SET deleted_at = 1795231331000 WHERE delivery_id = 8;
UPDATE revision SET pressing = 3 WHERE delivery_id = 3;
INSERT INTO recording_look (session_id, since, due_at) VALUES (3, 1795231330000, 1795231450000);
INSERT INTO recording (video_id, session_id, stream_id, url) VALUES
    ('2100000001', 2, '9002', 'https://www.twitch.tv/videos/2100000001'),
    ('2100000002', 2, '9003', 'https://www.twitch.tv/videos/2100000002');
INSERT INTO publication (delivery_id, channel_id, state, due_at, attempts, settled_at) VALUES
    (1, 1200000000000000001, 'wanted', 1795248061000, 1, NULL),
    (3, 1200000000000000002, 'done', 1795210062000, 0, 1795210063000),
    (4, 1200000000000000003, 'over_budget', 1795210062000, 0, 1795210063000),
    (8, 1200000000000000003, 'refused', 1795230031000, 0, 1795230032000);
