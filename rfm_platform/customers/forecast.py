"""Who buys in the next 90 days, as of a day, and how good the same forecast of 90 days ago was.

A purchase is a day with a valid order: orders of one day are one decision (a cart that the
marketplace splits by shop), and the model takes purchases to be independent. Orders are purchases
times the orders that the customer has on a day of one. One model for all customers: four
parameters, so that a small marketplace has a forecast as well.

What was bought before the first loaded day is unknown, so a customer seems younger than they are.
Seasons and campaigns are not in the model; the back-test shows what that costs.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rfm_platform.engine import DuckDBEngine, Session, read_sql
from rfm_platform.lake import Lake, LakeTable

if TYPE_CHECKING:
    from rfm_platform.customers.bg_nbd import BgNbd

HORIZON_DAYS = 90
# A forecast reaches no further than what was seen.
MIN_HISTORY_DAYS = HORIZON_DAYS
# With so many, the sum of a forecast is off by a tenth (root mean square over drawn purchases).
MIN_REPEAT_CUSTOMERS = 100


@dataclass(frozen=True)
class Basis:
    """What a forecast was made from.

    Attributes:
        withheld: why there is none; None: there is one.
        orders_per_purchase: valid orders on a day of a repeat purchase, on average.
    """

    customers: int
    repeat_customers: int
    withheld: str | None = None
    model: "BgNbd | None" = None
    orders_per_purchase: float = 1.0

    def facts(self) -> dict[str, Any]:
        """Names and figures for a person."""
        told = {"customers": self.customers, "repeat_customers": self.repeat_customers}
        if self.model is None:
            return {"forecast": f"withheld: {self.withheld}", **told}
        limit = "; a parameter is at its limit" if self.model.at_limit else ""
        return {
            "forecast": f"BG/NBD, converged{limit}",
            **told,
            **{name: getattr(self.model, name) for name in ("r", "alpha", "a", "b")},
            "orders_per_purchase": self.orders_per_purchase,
        }


@dataclass(frozen=True)
class Forecasts:
    """Forecast and back-test, bound to where they read and write."""

    lake: Lake
    engine: DuckDBEngine

    def forecast(self, as_of: dt.date) -> Basis:
        """next_purchase as of a day; no rows where the data do not carry a forecast."""
        return self._replace(self.lake.next_purchase, as_of, as_of)

    def backtest(self, as_of: dt.date) -> Basis:
        """next_purchase_backtest as of a day: the forecast as of 90 days before, and since.

        It is made again from the lines up to then as they stand now. An order cancelled since is
        in neither side, so it is a little better than what was known at the time.
        """
        forecast_date = as_of - dt.timedelta(days=HORIZON_DAYS)
        return self._replace(
            self.lake.next_purchase_backtest,
            as_of,
            forecast_date,
            forecast_date=forecast_date,
            days=HORIZON_DAYS,
        )

    def deciles(self, as_of: dt.date) -> list[dict[str, Any]]:
        """The back-test as a person reads it, the highest forecasts first."""
        with self.engine.session() as session:
            session.view(self.lake.next_purchase_backtest, as_of, as_of)
            return session.records(read_sql(__package__, "backtest_overview"))

    def errors(self, as_of: dt.date) -> list[dict[str, Any]]:
        """Each error over all customers of the back-test: `error, model, own_rate, mean`.

        Orders by their squared error, which the expectation makes least; the absolute error is
        least for the median, and that is no order at all for most. Being active by the Brier
        score: a logarithmic one is infinite where a rate of 0 was wrong once.
        """
        with self.engine.session() as session:
            session.view(self.lake.next_purchase_backtest, as_of, as_of)
            return session.records(read_sql(__package__, "backtest_errors"))

    def differs_from_scores(self, as_of: dt.date) -> dict[str, int]:
        """How many customers are in the forecast only, and in the scores only."""
        with self.engine.session() as session:
            session.view(self.lake.next_purchase, as_of, as_of)
            session.view(self.lake.rfm_scores, as_of, as_of)
            (row,) = session.records(read_sql(__package__, "forecast_and_scored"))
        return row

    def _replace(
        self, table: LakeTable, as_of: dt.date, known_until: dt.date, **parameters: object
    ) -> Basis:
        with self.engine.session() as session:
            session.view(self.lake.source_orders, None, as_of)
            session.define("customer_days", read_sql(__package__, "customer_days"))
            session.materialize("purchase_days", read_sql(__package__, "purchase_days"))
            basis = self._forecast(session, known_until)
            if basis.withheld is None:
                query = read_sql(__package__, table.name)
                session.replace(table, query, [as_of], as_of=as_of, **parameters)
            else:
                table.commit([], [as_of])
        return basis

    def _forecast(self, session: Session, as_of: dt.date) -> Basis:
        """From purchase_days, makes customer_forecasts as of a day unless they are withheld."""
        # Every command imports this module, and SciPy is a quarter of a second.
        from rfm_platform.customers.bg_nbd import (  # noqa: PLC0415 - for its time
            Histories,
            UnconvergedError,
            fit,
        )

        session.materialize(
            "customer_histories", read_sql(__package__, "customer_histories"), as_of=as_of
        )
        columns = session.arrays(read_sql(__package__, "distinct_histories"))
        histories = Histories(
            *(columns[name] for name in ("repeats", "last_purchase", "age", "customers"))
        )
        customers = int(histories.customers.sum())
        repeat_customers = int(histories.customers[histories.repeats > 0].sum())
        if withheld := self._too_little(as_of, repeat_customers):
            return Basis(customers, repeat_customers, withheld)
        try:
            model = fit(histories)
        except UnconvergedError as error:
            return Basis(customers, repeat_customers, str(error))
        session.create_from_arrays(
            "forecasts",
            {name: columns[name] for name in ("repeats", "last_purchase", "age")}
            | {
                "probability_alive": model.probability_alive(histories),
                "probability_active": model.probability_active(histories, HORIZON_DAYS),
                "expected_purchases": model.expected_purchases(histories, HORIZON_DAYS),
            },
        )
        session.materialize("customer_forecasts", read_sql(__package__, "customer_forecasts"))
        purchases = int(histories.repeats @ histories.customers)
        orders_per_purchase = int(columns["repeat_orders"].sum()) / purchases
        return Basis(customers, repeat_customers, None, model, orders_per_purchase)

    def _too_little(self, as_of: dt.date, repeat_customers: int) -> str | None:
        loaded = self.lake.source_orders.partitions(None, as_of)
        days = (as_of - loaded[0].value).days + 1 if loaded else 0
        if days < MIN_HISTORY_DAYS:
            return f"{days} days of orders up to {as_of}, fewer than {MIN_HISTORY_DAYS}"
        if repeat_customers < MIN_REPEAT_CUSTOMERS:
            return (
                f"{repeat_customers} customers bought on a second day up to {as_of}, "
                f"fewer than {MIN_REPEAT_CUSTOMERS}"
            )
        return None
