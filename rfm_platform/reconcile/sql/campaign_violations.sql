-- Where a campaign's cohorts or segments are not all of its customers, a side is larger than what
-- it was taken from, an answer is not the difference of its means, or neither answer nor reason is
-- told. Segments are unions of cells, so their matched customers add up as well; cohorts are
-- matched within themselves, so theirs are at most as many.
WITH effects AS (
    SELECT * FROM rfm.campaign_effect_snapshots WHERE as_of_date = %(as_of)s
),
parts AS (
    SELECT
        campaign, period, outcome, breakdown,
        SUM(targeted_customers) AS targeted_customers,
        SUM(comparison_customers) AS comparison_customers,
        SUM(targeted_excluded) AS targeted_excluded,
        SUM(comparison_excluded) AS comparison_excluded,
        SUM(targeted_matched) AS targeted_matched,
        SUM(comparison_matched) AS comparison_matched
    FROM effects
    WHERE breakdown <> 'all'
    GROUP BY campaign, period, outcome, breakdown
),
problems AS (
    SELECT p.campaign, p.period, p.outcome, p.breakdown || 's do not add up to all' AS problem
    FROM parts AS p
    LEFT JOIN effects AS e
        ON e.campaign = p.campaign AND e.period = p.period AND e.outcome = p.outcome
        AND e.breakdown = 'all'
    WHERE (p.targeted_customers, p.comparison_customers, p.targeted_excluded, p.comparison_excluded)
        IS DISTINCT FROM
        (e.targeted_customers, e.comparison_customers, e.targeted_excluded, e.comparison_excluded)
        OR p.targeted_matched > e.targeted_matched
        OR p.comparison_matched > e.comparison_matched
        OR (p.breakdown = 'segment'
            AND (p.targeted_matched < e.targeted_matched
                OR p.comparison_matched < e.comparison_matched))
    UNION ALL
    SELECT campaign, period, outcome, 'more customers are matched than there are'
    FROM effects
    WHERE targeted_matched + targeted_excluded > targeted_customers
        OR comparison_matched + comparison_excluded > comparison_customers
        OR comparison_effective > comparison_matched + 1e-6
    UNION ALL
    SELECT campaign, period, outcome, 'the effect is not the difference of its means'
    FROM effects
    WHERE ABS(effect - ((targeted_then - targeted_before) - (comparison_then - comparison_before)))
        > 1e-9 * (1 + ABS(targeted_then) + ABS(targeted_before) + ABS(comparison_then)
            + ABS(comparison_before))
    UNION ALL
    SELECT campaign, period, outcome, 'there is neither an answer nor a reason, or both'
    FROM effects
    WHERE (reason IS NULL) <> (effect IS NOT NULL)
        OR (verdict IN ('higher', 'lower', 'unclear')) <> (effect IS NOT NULL)
)
SELECT DISTINCT problem, campaign, period, outcome FROM problems ORDER BY 2, 3, 4, 1
