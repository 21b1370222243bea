-- The statements that remove publications, which are in no schema. Servers have them since 10.
SELECT format('DROP PUBLICATION IF EXISTS %I', pubname) AS statement
FROM pg_publication
