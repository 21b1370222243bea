"""What the checks have said, copied into the warehouse, where dashboards can read it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo

from rfm_platform import catalog
from rfm_platform.engine import read_sql
from rfm_platform.warehouse import Warehouse


@dataclass(frozen=True)
class CheckResult:
    """The newest verdict of a check.

    Attributes:
        day: the one that was judged; None: the check judges everything at once.
    """

    asset: str
    check_name: str
    day: dt.date | None
    passed: bool


def publish_check_results(
    warehouse: Warehouse, results: Sequence[CheckResult], timezone: str
) -> None:
    """Replaces what the warehouse holds of the checks, in one transaction."""
    warehouse.prepare()
    now = dt.datetime.now(ZoneInfo(timezone)).replace(tzinfo=None)
    with warehouse.publication() as publication:
        publication.lock(catalog.check_results)
        publication.rows(read_sql(__package__, "forget_check_results"), {})
        rows = [{**asdict(result), "recorded_at": now} for result in results]
        publication.append(catalog.check_results, rows)
