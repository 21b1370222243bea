-- Takes back the receipt of an export that failed after all: one row, where several say the same.
DELETE FROM rfm.audiences
WHERE ctid = (
    SELECT ctid
    FROM rfm.audiences
    WHERE exported_at = %(exported_at)s
        AND exported_by = %(exported_by)s
        AND as_of_date = %(as_of_date)s
        AND segment = %(segment)s
        AND marketplace IS NOT DISTINCT FROM %(marketplace)s
        AND action = %(action)s
        AND purpose = %(purpose)s
        AND file = %(file)s
        AND sha256 = %(sha256)s
    LIMIT 1
)
RETURNING file
