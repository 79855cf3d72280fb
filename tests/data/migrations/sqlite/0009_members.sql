-- Sample rows of version 9: what members have chosen, whom a message mentions, and a reply to it that waits.
INSERT INTO member_choice (guild_id, broadcaster_id, user_id, choice, chosen_at) VALUES
    (1100000000000000001, '1001', 1300000000000000003, 'on', 1795248061000),
    (1100000000000000001, '1001', 1300000000000000004, 'off', 1795248062000),
    (1100000000000000001, '1002', 1300000000000000003, 'on', 1795248063000);
INSERT INTO delivery (delivery_id, transition_id, guild_id, broadcaster_id, channel_id, state, decided_at, due_at, owed_since, part)
VALUES (90, 2, 1100000000000000001, '1002', 1200000000000000002, 'expired', 1795210061000, 1795210061000, 1795210060000, 1);
INSERT INTO mentioned (delivery_id, user_id) VALUES (3, 1300000000000000003), (90, 1300000000000000004);
