-- Sample rows of version 5: an announcement that is to be brought up to date, and one whose edit has failed.
INSERT INTO revision (delivery_id, due_at, attempts, wish) VALUES
    (1, 1795248065000, 0, 1),
    (3, 1795248066000, 2, 3);
