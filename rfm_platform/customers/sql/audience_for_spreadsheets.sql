-- An audience as a spreadsheet may open it: it takes a text that begins with one of these for a
-- formula, and customers choose their numbers on some marketplaces. An apostrophe makes it a text.
-- One more goes before those that begin with apostrophes already, so that
-- campaign_file_csv.sql can take it away again.
SELECT * REPLACE (
    REGEXP_REPLACE(marketplace, '^(''*[-=+@\t\r\n])', '''\1') AS marketplace,
    REGEXP_REPLACE(user_id, '^(''*[-=+@\t\r\n])', '''\1') AS user_id,
    REGEXP_REPLACE(segment, '^(''*[-=+@\t\r\n])', '''\1') AS segment
)
FROM audience
