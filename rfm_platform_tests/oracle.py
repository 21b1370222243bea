"""What the published tables must hold, computed from the mart's rows the slow and obvious way.

The contract in words, once more, in plain Python: loops, integers, fractions. It shares nothing
with the platform, neither code nor SQL nor regular expressions, so an error must be made twice to
go unseen. ``customer_key`` and ``load_timestamp`` are left out: the contract says what they are
good for, not what they are.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

Row = dict[str, Any]
Cell = tuple[int, int, int]

GROUPING = ("marketplace", "shop_id", "shop_name", "user_id", "magpie_region_code")
METRICS = ("recency", "frequency", "monetary")
ALL = "all"

_BLANKS = " \t\n\r\f\v"
_DIGITS = frozenset("0123456789")
_LARGEST_AMOUNT = 10**18  # hundredths: numeric(18,2) holds what is smaller
_MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Line(NamedTuple):
    """One row of flatten_order_marketplace, as it was inserted."""

    marketplace: str | None
    shop_id: str | None
    shop_name: str | None
    user_id: str | None
    magpie_region_code: str | None
    kurs_rate: int | None
    create_timestamp: dt.datetime | None
    cancelled_flag: str | None
    returned_flag: str | None
    order_id: str | None
    product_gmv_amount: int | None
    marketplace_product_id: str | None
    marketplace_variant_id: str | None
    marketplace_product_barcode: str | None
    order_shipping_fee_buyer_amount: str | None


class Order(NamedTuple):
    """One row of order_marketplace."""

    marketplace: str | None
    order_id: str | None
    address_shipping_name: str | None


@dataclass(frozen=True)
class Expected:
    """The rows of each published table, in no order, without customer_key and load_timestamp."""

    aggregated_monthly: list[Row]
    final_user_analysis_snapshots: list[Row]
    rfm_scores_snapshots: list[Row]
    rfm_thresholds: list[Row]
    cohort_matrix_snapshots: list[Row]


def expect(
    lines: Iterable[Line],
    orders: Iterable[Order],
    *,
    loaded: Collection[dt.date],
    as_of: dt.date,
    segments: Mapping[Cell, str],
    per_marketplace: bool = False,
) -> Expected:
    """Every table, after the days in `loaded` were loaded and a snapshot was taken for `as_of`.

    Quartiles in rfm_thresholds are exact fractions; all else has the type that PostgreSQL returns.
    """
    dated = [
        (line.create_timestamp, line)
        for line in lines
        if line.create_timestamp is not None and line.create_timestamp.date() in loaded
    ]
    names = _names(orders)
    known = [_Known.of(created, line, names) for created, line in dated if _counts(line)]
    past = [line for line in known if line.day <= as_of]
    scored = _customers(past, as_of)
    scores, thresholds = _scores(scored, as_of, segments, per_marketplace)
    return Expected(
        aggregated_monthly=_monthly(known, [created.date() for created, _ in dated]),
        final_user_analysis_snapshots=_final(past, as_of),
        rfm_scores_snapshots=scores,
        rfm_thresholds=thresholds,
        cohort_matrix_snapshots=_cohorts(scored, as_of),
    )


# What a text means


def flag(text: str | None) -> bool | None:
    """A flag as read; None: a value that nobody knows."""
    if text is None or text == "":
        return False
    if text.isascii():
        if text.lower() in ("true", "t", "yes", "y", "1"):
            return True
        if text.lower() in ("false", "f", "no", "n", "0"):
            return False
    return True if _is_timestamp(text) else None


def _is_timestamp(text: str) -> bool:
    date, rest = text[:10], text[10:]
    year, month, day = date[:4], date[5:7], date[8:]
    if not (_are_digits(year, 4) and _are_digits(month, 2) and _are_digits(day, 2)):
        return False
    if date[4] != "-" or date[7] != "-" or not 1 <= int(month) <= 12:
        return False
    if not 1 <= int(day) <= _MONTH_LENGTHS[int(month) - 1]:
        return False
    return rest == "" or (rest[0] in " T" and _is_time(rest[1:]))


def _is_time(text: str) -> bool:
    if not (_are_digits(text[:2], 2) and text[2:3] == ":" and _are_digits(text[3:5], 2)):
        return False
    if int(text[:2]) > 23 or int(text[3:5]) > 59:
        return False
    rest = text[5:]
    if rest[:1] == ":":
        if not _are_digits(rest[1:3], 2) or int(rest[1:3]) > 59:
            return False
        rest = rest[3:]
        if rest[:1] == ".":
            zone = rest[1:].lstrip("0123456789")
            if zone == rest[1:]:
                return False
            rest = zone
    return _is_zone(rest)


def _is_zone(text: str) -> bool:
    if text in ("", "Z", "UTC"):
        return True
    if text[0] not in "+-":
        return False
    if len(text) == 6 and text[3] == ":":
        text = text[:3] + text[4:]
    return _are_digits(text[1:], 2) or _are_digits(text[1:], 4)


def _are_digits(text: str, length: int) -> bool:
    return len(text) == length and _DIGITS.issuperset(text)


def fee(text: str | None) -> int | None:
    """A shipping fee in hundredths, rounded half away from zero; None: no number."""
    if text is None:
        return None
    text = text.strip(_BLANKS)
    sign = -1 if text[:1] == "-" else 1
    if text[:1] in ("+", "-"):
        text = text[1:]
    mantissa, has_exponent, exponent = text.replace("E", "e").partition("e")
    exponent_sign = -1 if exponent[:1] == "-" else 1
    if exponent[:1] in ("+", "-"):
        exponent = exponent[1:]
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    if not digits or not _DIGITS.issuperset(digits):
        return None
    if has_exponent and (not exponent or not _DIGITS.issuperset(exponent)):
        return None
    shift = exponent_sign * int(exponent or "0") - len(fraction)
    size = len(digits.lstrip("0")) + shift  # decimal places before the point
    if int(digits) == 0 or size < -2:
        return 0
    if size > 17:
        return None
    hundredths = _half_away(sign * int(digits) * Fraction(10) ** (shift + 2))
    return hundredths if abs(hundredths) < _LARGEST_AMOUNT else None


def _half_away(number: Fraction) -> int:
    """The nearest whole number; a half goes away from zero."""
    size = (2 * abs(number.numerator) + number.denominator) // (2 * number.denominator)
    return size if number >= 0 else -size


def _amount(hundredths: int) -> Decimal:
    return Decimal(hundredths).scaleb(-2)


# Lines


@dataclass(frozen=True)
class _Known:
    """A line that takes part in the customer tables: a customer and two flags that we can read."""

    line: Line
    created: dt.datetime
    user_id: str
    is_cancelled: bool
    is_returned: bool
    fee: int | None
    name: str | None

    @classmethod
    def of(
        cls,
        created: dt.datetime,
        line: Line,
        names: Mapping[tuple[str | None, str | None], str | None],
    ) -> "_Known":
        return cls(
            line=line,
            created=created,
            user_id=line.user_id or "",
            is_cancelled=flag(line.cancelled_flag) is True,
            is_returned=flag(line.returned_flag) is True,
            fee=fee(line.order_shipping_fee_buyer_amount),
            name=names.get((line.marketplace, line.order_id)),
        )

    @property
    def day(self) -> dt.date:
        return self.created.date()

    @property
    def month(self) -> dt.date:
        return self.created.date().replace(day=1)

    @property
    def is_valid(self) -> bool:
        return not self.is_cancelled and not self.is_returned

    @property
    def order(self) -> tuple[str | None, str | None]:
        return (self.line.marketplace, self.line.order_id)

    @property
    def customer(self) -> tuple[str | None, str]:
        return (self.line.marketplace, self.user_id)

    @property
    def group(self) -> tuple[str | None, ...]:
        return tuple(getattr(self.line, column) for column in GROUPING)

    @property
    def base_amount(self) -> int:
        if self.line.product_gmv_amount is None or self.line.kurs_rate is None:
            return 0
        return self.line.product_gmv_amount * self.line.kurs_rate

    @property
    def sku(self) -> str | None:
        product, variant = self.line.marketplace_product_id, self.line.marketplace_variant_id
        if product is None and variant is None:
            return None
        return f"{product or ''}/{variant or ''}"


def _counts(line: Line) -> bool:
    flags_are_known = flag(line.cancelled_flag) is not None and flag(line.returned_flag) is not None
    return flags_are_known and line.user_id is not None and line.user_id != ""


def _names(orders: Iterable[Order]) -> dict[tuple[str | None, str | None], str | None]:
    """The highest name of each order. A null is equal to nothing, so it finds no name."""
    names: dict[tuple[str | None, str | None], str | None] = {}
    for order in orders:
        if order.marketplace is None or order.order_id is None:
            continue
        key = (order.marketplace, order.order_id)
        name, best = order.address_shipping_name, names.get(key)
        names[key] = name if best is None or (name is not None and name > best) else best
    return names


# aggregated_monthly and final_user_analysis


def _monthly(lines: Iterable[_Known], days: Iterable[dt.date]) -> list[Row]:
    newest: dict[dt.date, dt.date] = {}
    for day in days:
        month = day.replace(day=1)
        newest[month] = max(day, newest.get(month, day))
    groups: dict[tuple[Any, ...], list[_Known]] = defaultdict(list)
    for line in lines:
        groups[(*line.group, line.month)].append(line)
    return [
        dict(zip((*GROUPING, "month_of_order"), group, strict=True))
        | _measures(of_group)
        | {"etl_batch_time": dt.datetime.combine(newest[group[-1]], dt.time())}
        for group, of_group in groups.items()
    ]


def _final(lines: Iterable[_Known], as_of: dt.date) -> list[Row]:
    groups: dict[tuple[str | None, ...], list[_Known]] = defaultdict(list)
    for line in lines:
        groups[line.group].append(line)
    return [
        {"as_of_date": as_of}
        | dict(zip(GROUPING, group, strict=True))
        | _measures(of_group)
        | {"etl_batch_time": dt.datetime.combine(as_of, dt.time())}
        for group, of_group in groups.items()
    ]


def _measures(lines: Sequence[_Known]) -> Row:
    """Everything that is said about one group of lines."""
    valid = [line for line in lines if line.is_valid]
    times = [line.created for line in valid]
    skus = {line.sku for line in valid if line.sku is not None}
    fees: dict[object, int] = {}
    for line in valid:
        if line.fee is not None:
            fees[line.order] = max(line.fee, fees.get(line.order, line.fee))
    return {
        "kurs_rate": _latest_rate(lines),
        "first_order_timestamp": min(times, default=None),
        "last_order_timestamp": max(times, default=None),
        "total_order": len({line.order for line in valid}),
        "total_cancelled": len({line.order for line in lines if line.is_cancelled}),
        "total_returned": len({line.order for line in lines if line.is_returned}),
        "total_gmv_amount": sum(line.line.product_gmv_amount or 0 for line in valid),
        "total_gmv_base_amount": sum(line.base_amount for line in valid),
        "total_sku": len(skus),
        "sku_list": sorted(skus),
        "total_quantity": sum(line.line.marketplace_product_barcode is not None for line in valid),
        "address_shipping_name": _latest_name(valid),
        "min_shipping_amount": _amount(min(fees.values())) if fees else None,
        "max_shipping_amount": _amount(max(fees.values())) if fees else None,
        "avg_shipping_amount": (
            _half_away(Fraction(sum(fees.values()), 100 * len(fees))) if fees else None
        ),
    }


def _latest_rate(lines: Sequence[_Known]) -> int | None:
    latest = max(line.created for line in lines)
    rates = [line.line.kurs_rate for line in lines if line.created == latest]
    return max((rate for rate in rates if rate is not None), default=None)


def _latest_name(valid: Sequence[_Known]) -> str | None:
    """Of the order with the latest valid line; a null order_id is the lowest."""
    if not valid:
        return None
    last = max(
        valid,
        key=lambda line: (line.created, line.line.order_id is not None, line.line.order_id or ""),
    )
    return last.name


# rfm_scores and rfm_thresholds


@dataclass(frozen=True)
class _Customer:
    marketplace: str | None
    user_id: str
    lines: tuple[_Known, ...]  # valid ones, at least one
    recency: int
    frequency: int
    monetary: int


def _customers(lines: Iterable[_Known], as_of: dt.date) -> list[_Customer]:
    """Everyone with a valid order."""
    valid: dict[tuple[str | None, str], list[_Known]] = defaultdict(list)
    for line in lines:
        if line.is_valid:
            valid[line.customer].append(line)
    return [
        _Customer(
            marketplace=marketplace,
            user_id=user_id,
            lines=tuple(of_customer),
            recency=(as_of - max(line.day for line in of_customer)).days,
            frequency=len({line.order for line in of_customer}),
            monetary=sum(line.base_amount for line in of_customer),
        )
        for (marketplace, user_id), of_customer in valid.items()
    ]


def quartile(values: Iterable[int], number: int) -> Fraction:
    """Hyndman-Fan type 7: position (n − 1)·p among the sorted values, linear in between."""
    ordered = sorted(values)
    position = Fraction(number, 4) * (len(ordered) - 1)
    below = position.numerator // position.denominator
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def score(metric: str, value: int, q1: Fraction, q3: Fraction) -> int:
    """1 to 3, 3 the best; a value on a boundary belongs to the lower side."""
    third = 1 if value <= q1 else 2 if value <= q3 else 3
    return 4 - third if metric == "recency" else third


def tier(rank: int, customers: int) -> str:
    """Of the customer with the rank-th largest monetary, 1 first."""
    for name, percent in (("top", 1), ("big", 5), ("medium", 20)):
        if rank <= -(-customers * percent // 100):
            return name
    return "small"


def _scores(
    customers: Sequence[_Customer],
    as_of: dt.date,
    segments: Mapping[Cell, str],
    per_marketplace: bool,
) -> tuple[list[Row], list[Row]]:
    scopes: dict[str | None, list[_Customer]] = defaultdict(list)
    for customer in customers:
        scopes[customer.marketplace if per_marketplace else ALL].append(customer)
    ranked = sorted(customers, key=_pyramid_order)
    tiers = {
        (customer.marketplace, customer.user_id): tier(rank, len(ranked))
        for rank, customer in enumerate(ranked, start=1)
    }
    rows: list[Row] = []
    thresholds: list[Row] = []
    for scope, members in scopes.items():
        scored: dict[str, list[int]] = {}
        outliers: set[int] = set()
        for metric in METRICS:
            values = [getattr(customer, metric) for customer in members]
            q1, q3 = quartile(values, 1), quartile(values, 3)
            reach = Fraction(3, 2) * (q3 - q1)
            outliers |= {i for i, v in enumerate(values) if v < q1 - reach or v > q3 + reach}
            scored[metric] = [score(metric, value, q1, q3) for value in values]
            thresholds.append(
                {
                    "as_of_date": as_of,
                    "scope": scope,
                    "metric": metric,
                    "q1": q1,
                    "q3": q3,
                    "customers": len(members),
                    "is_degenerate": q1 == q3 or set(scored[metric]) != {1, 2, 3},
                }
            )
        for index, customer in enumerate(members):
            r, f, m = (scored[metric][index] for metric in METRICS)
            rows.append(
                {
                    "as_of_date": as_of,
                    "marketplace": customer.marketplace,
                    "user_id": customer.user_id,
                    "recency": customer.recency,
                    "r_score": r,
                    "frequency": customer.frequency,
                    "f_score": f,
                    "monetary": customer.monetary,
                    "m_score": m,
                    "total_score": r + f + m,
                    "segment": segments[r, f, m],
                    "pyramid_tier": tiers[customer.marketplace, customer.user_id],
                    "is_outlier": index in outliers,
                }
            )
    return rows, thresholds


def _pyramid_order(customer: _Customer) -> tuple[int, bool, str, str]:
    """Largest first; ties by marketplace (a null one last), user_id."""
    marketplace = customer.marketplace
    return (-customer.monetary, marketplace is None, marketplace or "", customer.user_id)


# cohort_matrix


def _cohorts(customers: Iterable[_Customer], as_of: dt.date) -> list[Row]:
    cohorts: dict[tuple[str | None, dt.date], list[_Customer]] = defaultdict(list)
    for customer in customers:
        first = min(line.month for line in customer.lines)
        cohorts[customer.marketplace, first].append(customer)
    last_day_of_month = (as_of + dt.timedelta(days=1)).day == 1
    rows: list[Row] = []
    for (marketplace, cohort_month), members in cohorts.items():
        for months in range(_months_between(cohort_month, as_of) + 1):
            active = [
                lines
                for member in members
                if (
                    lines := [
                        line
                        for line in member.lines
                        if _months_between(cohort_month, line.month) == months
                    ]
                )
            ]
            is_current = months == _months_between(cohort_month, as_of)
            rows.append(
                {
                    "as_of_date": as_of,
                    "marketplace": marketplace,
                    "cohort_month": cohort_month,
                    "cohort_size": len(members),
                    "months": months,
                    "value": len(active),
                    "total_order": sum(len({line.order for line in lines}) for lines in active),
                    "total_gmv_base_amount": sum(
                        line.base_amount for lines in active for line in lines
                    ),
                    "is_partial": is_current and not last_day_of_month,
                }
            )
    return rows


def _months_between(first: dt.date, last: dt.date) -> int:
    return 12 * (last.year - first.year) + last.month - first.month
