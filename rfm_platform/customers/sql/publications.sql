-- Which computation of each month is published, and up to which day it was loaded.
SELECT month_of_order, version, through FROM rfm.publications
