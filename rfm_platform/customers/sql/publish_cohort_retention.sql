-- Published as the lake holds it.
SELECT * FROM cohort_retention
