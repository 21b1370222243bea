-- Takes back the receipt of an export that failed after all.
DELETE FROM rfm.audiences
WHERE exported_at = %(exported_at)s
    AND exported_by = %(exported_by)s
    AND file = %(file)s
    AND sha256 = %(sha256)s
RETURNING file
