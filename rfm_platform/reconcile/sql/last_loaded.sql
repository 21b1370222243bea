-- The newest day that was loaded when its month was published, with a line or without.
SELECT MAX(through) AS through FROM rfm.publications
