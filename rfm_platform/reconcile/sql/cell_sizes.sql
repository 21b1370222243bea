-- The customers of each (r, f, m) cell.
SELECT r_score, f_score, m_score, COUNT(*) AS customers
FROM rfm_scores
GROUP BY r_score, f_score, m_score
