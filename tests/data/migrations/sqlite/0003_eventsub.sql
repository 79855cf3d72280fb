-- What the third version remembers besides.
UPDATE installation SET conduit_id = 'bfcfc993-26b1-b876-44d9-afe75a379dac';
