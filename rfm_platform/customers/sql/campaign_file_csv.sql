-- A list of targeted customers, every value as its text.
SELECT marketplace, user_id FROM read_csv($file, all_varchar = true, header = true)
