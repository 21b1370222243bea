"""What Redash's charts make of a result, on the cases that were seen on a running server."""

import pytest

from rfm_platform.dashboards.redash.drawn import Flow, cohort_rows, sankey_flows
from rfm_platform.dashboards.redash.shapes import shape_problems

COHORT = {
    "mode": "simple",
    "timeInterval": "monthly",
    "dateColumn": "cohort",
    "stageColumn": "stage",
    "totalColumn": "total",
    "valueColumn": "value",
}
COLUMNS = ["cohort", "stage", "total", "value"]


def cohort(day: str, *values: float, total: float = 10) -> list[dict[str, object]]:
    """Rows of a cohort."""
    return [
        {"cohort": day, "stage": stage, "total": total, "value": value}
        for stage, value in enumerate(values, start=1)
    ]


def test_every_column_but_value_is_a_stage_in_the_order_of_names() -> None:
    row = {"to": "B", "value": 2, "from": "A"}
    assert sankey_flows(["to", "value", "from"], [row, row]) == [Flow(1, "A", "B", 4)]


def test_a_sixth_stage_is_not_drawn() -> None:
    columns = [f"stage{n}" for n in range(1, 7)] + ["value"]
    flows = sankey_flows(columns, [{**dict.fromkeys(columns, "A"), "value": 1}])
    assert [flow.stage for flow in flows] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("label", "value", "drawn"),
    [("2 orders", 3, Flow(1, "2", "B", 3)), ("A", 3.9, Flow(1, "A", "B", 3))],
)
def test_labels_and_values_are_cut_to_whole_numbers(label: str, value: float, drawn: Flow) -> None:
    rows = [{"stage1": label, "stage2": "B", "value": value}]
    assert sankey_flows(["stage1", "stage2", "value"], rows) == [drawn]


def test_a_null_is_a_hidden_exit() -> None:
    rows = [{"stage1": "A", "stage2": None, "stage3": "C", "value": 1}]
    assert sankey_flows(["stage1", "stage2", "stage3", "value"], rows) == []


def test_a_cohort_has_a_cell_a_stage_and_nothing_where_the_value_is_zero() -> None:
    rows = cohort("2024-01-15", 10, 0, 4) + cohort("2024-02-15", 5, 2, total=5)
    drawn = cohort_rows(rows, COHORT)
    assert [(row.total, row.values) for row in drawn] == [
        (10, (10, None, 4)),
        (5, (5, 2, None)),
    ]


def test_a_rate_instead_of_a_count_is_cut_to_nothing() -> None:
    (drawn,) = cohort_rows(cohort("2024-01-15", 1, 0.5), COHORT)
    assert drawn.values == (1, None)


def test_a_wrong_column_name_draws_nothing() -> None:
    assert cohort_rows(cohort("2024-01-15", 1), COHORT | {"valueColumn": "customers"}) == []


GOOD_FLOW = {"stage1": "A", "stage2": "B", "value": 1}


@pytest.mark.parametrize(
    ("columns", "row", "said"),
    [
        (["stage1", "stage2", "value"], GOOD_FLOW | {"value": 1.5}, "no whole number"),
        (["stage1", "stage2", "value"], GOOD_FLOW | {"value": -1}, "no whole number"),
        (["stage1", "stage2", "value"], GOOD_FLOW | {"value": None}, "no whole number"),
        (["stage1", "stage2", "value"], GOOD_FLOW | {"stage2": "2 orders"}, "with a letter"),
        (["stage1", "stage2", "value"], GOOD_FLOW | {"stage2": None}, "with a letter"),
        (["stage1", "stage2", "value"], GOOD_FLOW | {"stage1": ""}, "with a letter"),
        (["stage1", "stage2", "value"], GOOD_FLOW | {"stage2": "Exit"}, "'Exit' is hidden"),
        (["stage1", "value"], GOOD_FLOW, "columns must be"),
        (["stage1", "stage2", "count"], GOOD_FLOW, "columns must be"),
        (["stage1", "stage2", "month", "value"], GOOD_FLOW, "columns must be"),
        ([*(f"stage{n}" for n in range(1, 7)), "value"], GOOD_FLOW, "columns must be"),
    ],
)
def test_a_sankey_that_would_mislead_is_refused(
    columns: list[str], row: dict[str, object], said: str
) -> None:
    (problem,) = shape_problems("SANKEY", {}, columns, [row])
    assert said in problem


@pytest.mark.parametrize(
    ("options", "rows", "said"),
    [
        ({"mode": "diagonal"}, cohort("2024-01-15", 1), "mode must be simple"),
        ({"timeInterval": "daily"}, cohort("2024-01-15", 1), "timeInterval must be monthly"),
        ({"valueColumn": "users"}, cohort("2024-01-15", 1), "there is no column users"),
        ({}, cohort("2024-01-01", 1), "middle of its month"),
        ({}, cohort("January", 1), "is no date"),
        ({}, cohort("2024-01-15", 0.5), "whole numbers"),
        ({}, cohort("2024-01-15", 1, total=0), "above 0"),
        ({}, cohort("2024-01-15", 1, 2)[1:], "without a gap"),
        ({}, cohort("2024-01-15", 1) + cohort("2024-01-15", 1), "without a gap"),
        (
            {},
            [*cohort("2024-01-15", 1), cohort("2024-01-15", 1, 1, total=9)[1]],
            "total must be the same",
        ),
    ],
)
def test_a_cohort_that_would_mislead_is_refused(
    options: dict[str, str], rows: list[dict[str, object]], said: str
) -> None:
    (problem,) = shape_problems("COHORT", COHORT | options, COLUMNS, rows)
    assert said in problem


def test_good_shapes_pass() -> None:
    rows = cohort("2024-01-15", 3, 0) + cohort("2024-03-15", 2, -7)
    assert shape_problems("COHORT", COHORT, COLUMNS, rows) == []
    assert shape_problems("SANKEY", {}, list(GOOD_FLOW), [GOOD_FLOW]) == []


def test_a_chart_of_columns_that_are_not_there_is_refused() -> None:
    options = {"columnMapping": {"month": "x", "orders": "y"}}
    assert shape_problems("CHART", options, ["month"], []) == ["there is no column orders"]
