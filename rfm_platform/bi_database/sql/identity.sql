-- Which database this is, however it is reached: no two servers start in the same microsecond, and
-- a copy of a server's files starts at another time than the original.
SELECT pg_postmaster_start_time()::text AS started, d.oid::text AS database
FROM pg_database AS d
WHERE d.datname = current_database()
