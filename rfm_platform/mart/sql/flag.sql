-- A flag's text as 1, 0 or null: null is a value that nobody knows. PostgreSQL's own reading, for
-- the totals that the pipeline's reading is held against.
CASE
    WHEN {flag} IS NULL OR LOWER({flag}) IN ('', '0', 'n', 'no', 'f', 'false') THEN 0
    WHEN LOWER({flag}) IN ('1', 'y', 'yes', 't', 'true') THEN 1
    WHEN {flag} ~ '^\d{{4}}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|[12]\d))([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?( ?(Z|UTC|[+-]\d{{2}}(:?\d{{2}})?))?)?$' THEN 1
END
