-- What an earlier snapshot says of campaigns whose inputs are the same now.
SELECT * FROM judged_before WHERE LIST_CONTAINS(CAST($digests AS VARCHAR[]), inputs)
