-- Which computation of each month is published.
SELECT month_of_order, version FROM rfm.publications
