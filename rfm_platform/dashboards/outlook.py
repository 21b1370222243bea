"""What campaigns changed, and how good the forecast was: for all customers, small counts hidden."""

from collections.abc import Iterable, Mapping
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


def forecast_of(rows: Iterable[Row], minimum: int) -> list[dict[str, Any]]:
    """Forecast and actual orders by decile of forecast.

    Args:
        rows: of forecast.sql.
        minimum: orders of fewer customers than that are hidden.
    """
    told = []
    for row in rows:
        active = round(row["actual_active_share"] * row["customers"])
        visible = row["customers"] >= minimum
        told.append(
            {
                "decile": row["decile"],
                "customers": row["customers"] if visible else None,
                "forecast": round(row["forecast_orders"], 1) if visible else None,
                "actual": row["actual_orders"]
                if visible and (active == 0 or active >= minimum)
                else None,
            }
        )
    return told
