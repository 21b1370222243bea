"""What campaigns changed, and how good the forecast was: for all customers, small counts hidden."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

Row = Mapping[str, Any]


def campaigns_of(rows: Iterable[Row], minimum: int) -> list[dict[str, Any]]:
    """Each campaign and period with its effects by outcome, an interval or a verdict why not.

    Args:
        rows: of campaigns.sql.
        minimum: the smallest count of customers that is shown, or that an effect is shown of.
    """
    told = []
    for key, some in groupby(
        rows, lambda row: (row["campaign"], row["first_day"], row["last_day"], row["period"])
    ):
        outcomes = list(some)
        customers = outcomes[0]["targeted_matched"] or 0
        visible = customers >= minimum
        told.append(
            {
                "campaign": key[0],
                "first_day": key[1].isoformat(),
                "last_day": key[2].isoformat(),
                "period": key[3],
                "customers": customers if visible else None,
                "effects": {
                    row["outcome"]: {
                        "verdict": row["verdict"],
                        "interval": [row["effect_low"], row["effect"], row["effect_high"]]
                        if visible and row["effect"] is not None
                        else None,
                    }
                    for row in outcomes
                },
            }
        )
    return told


def forecast_of(
    rows: Iterable[Row], minimum: int, cohorts: Iterable[Row] = ()
) -> list[dict[str, Any]]:
    """Forecast and actual orders by decile of forecast.

    Deciles are as large as each other, so their customers are shown of all or of none.

    Args:
        rows: of forecast.sql.
        minimum: orders of fewer customers than that are hidden, and what would give them away.
        cohorts: of all customers, as the page shows them.
    """
    rows = list(rows)
    sizes, orders = _told_by(rows, cohorts)
    counted = not sizes and all(row["customers"] >= minimum for row in rows)
    hidden = _hidden_orders(rows, minimum, two=orders)
    told = []
    for row in rows:
        visible = row["customers"] >= minimum
        told.append(
            {
                "decile": row["decile"],
                "customers": row["customers"] if counted else None,
                "forecast": round(row["forecast_orders"], 1) if visible else None,
                "actual": row["actual_orders"] if row["decile"] not in hidden else None,
            }
        )
    return told


def _hidden_orders(rows: Iterable[Row], minimum: int, two: bool) -> set[int]:
    """Deciles whose actual orders are hidden: at least two, together of the minimum's customers.

    Where the forecast's date is a month's end, the retention cells since tell the orders of all
    deciles together: one alone would follow. The rule is the same on every day.

    Args:
        two: hide two also where none is small.
    """
    active = {row["decile"]: round(row["actual_active_share"] * row["customers"]) for row in rows}
    hidden = {
        row["decile"]
        for row in rows
        if row["customers"] < minimum or 0 < active[row["decile"]] < minimum
    }
    # A decile without any order hides nothing: its 0 may always be shown.
    visible = sorted((n, decile) for decile, n in active.items() if n and decile not in hidden)
    for _, decile in visible:
        enough = len(hidden) >= 2 and sum(active[each] for each in hidden) >= minimum
        if enough or not (hidden or two):
            break
        hidden.add(decile)
    return hidden


def _told_by(rows: Sequence[Row], cohorts: Iterable[Row]) -> tuple[bool, bool]:
    """Whether deciles would tell a hidden size of a cohort, and hidden orders in the retention.

    Their customers are those of all cohorts up to the forecast's date, and their actual orders are
    those cohorts' since, if it is a month's end.
    """
    date: dt.date | None = rows[0]["forecast_date"] if rows else None
    if date is None or (date + dt.timedelta(days=1)).day != 1:
        return False, False
    sizes = orders = False
    for cohort in cohorts:
        year, month = map(int, cohort["month"].split("-"))
        since = (date.year - year) * 12 + date.month - month + 1
        if since > 0:
            sizes |= cohort["size"] is None
            orders |= None in cohort["cells"][since:]
    return sizes, orders
