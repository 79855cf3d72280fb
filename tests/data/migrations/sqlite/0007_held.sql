-- Sample rows of version 7: an announcement that is held back, one that was until its stream was over, and one that was let
-- through later.
INSERT INTO delivery (transition_id, guild_id, broadcaster_id, channel_id, state, decided_at, due_at, owed_since, matched_at,
                      settled_at, detail) VALUES
    (1, 1100000000000000005, '1001', 1200000000000000006, 'held', 1795248060000, 1795248060000, 1795248000000, NULL, NULL,
     'only_category'),
    (3, 1100000000000000005, '1002', 1200000000000000006, 'filtered', 1795230030000, 1795230030000, 1795230000000, NULL,
     1795231330000, 'min_viewers'),
    (1, 1100000000000000006, '1001', 1200000000000000007, 'pending', 1795249000000, 1795249000000, 1795249000000, 1795249000000,
     NULL, NULL);
