-- What the fourth version remembers besides.
INSERT INTO push (push_id, message_id, heard_at, stream_id, broadcaster_id, login, display_name, started_at) VALUES
    (1, '71256a5b-cdca-ffa2-4ae2-a5714112c277', 1795248060000, '9001', '1001', 'ann', 'Ann', 1795248059000),
    (2, '32b16127-0ce9-bb71-3dc5-5530101e16a9', 1795248061000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO callback (url, secret_mark) VALUES ('https://livebell.example/twitch', '0123456789abcdef');
