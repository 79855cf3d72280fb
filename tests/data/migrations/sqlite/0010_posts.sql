-- Sample rows of version 10: an announcement that is a post in a forum, and has the id of its thread.
UPDATE delivery SET posted_in = message_id WHERE delivery_id = 3;
