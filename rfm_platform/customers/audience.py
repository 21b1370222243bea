"""The customers of a segment as a file for activation, with a receipt of who took it and for what.

The file holds customers' numbers on their marketplace and no name. The receipt lies beside it and
in the warehouse; it holds no customer.
"""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rfm_platform import catalog
from rfm_platform.customers.segments import Segments
from rfm_platform.engine import DuckDBEngine, read_sql
from rfm_platform.errors import PlatformError
from rfm_platform.lake import Lake
from rfm_platform.warehouse import Warehouse

FORMATS = (".csv", ".parquet")


class AudienceError(PlatformError):
    """An audience that cannot be exported: what is wrong, and what there is."""


@dataclass(frozen=True)
class Audiences:
    """Exports, bound to where customers are and where receipts go.

    Attributes:
        timezone: of the receipts' moments.
    """

    lake: Lake
    engine: DuckDBEngine
    warehouse: Warehouse
    timezone: str

    def export(
        self,
        path: Path,
        *,
        segment: str,
        marketplace: str | None,
        segments: Segments,
        action: str | None,
        purpose: str,
        by: str,
        as_of: dt.date | None = None,
    ) -> dict[str, Any]:
        """Writes the customers of a segment, and the receipt.

        Args:
            path: where to, .csv or .parquet. It must not be there yet.
            marketplace: None: all.
            action: what will be done; None: the segment file's.
            purpose: why, for the receipt.
            by: who.
            as_of: the snapshot's day; None: the newest.

        Returns:
            The receipt.

        Raises:
            AudienceError: no such segment, snapshot or customer, or the file cannot be written.
        """
        self._check(path, segment, segments, purpose)
        day = self._snapshot(as_of)
        with self.engine.session() as session:
            session.view(self.lake.rfm_scores, day, day)
            relation = session.query(
                read_sql(__package__, "audience"),
                segment=segment,
                marketplace=marketplace or "",
                one_marketplace=marketplace is not None,
            )
            customers = len(relation)
            if not customers:
                where = f" on {marketplace}" if marketplace else ""
                raise AudienceError(f"{segment} has no customer{where} as of {day}.")
            if path.suffix == ".csv":
                relation.write_csv(str(path), header=True)
            else:
                relation.write_parquet(str(path))
        receipt = {
            "exported_at": dt.datetime.now(ZoneInfo(self.timezone)).replace(
                tzinfo=None, microsecond=0
            ),
            "exported_by": by,
            "as_of_date": day,
            "segment": segment,
            "marketplace": marketplace,
            "customers": customers,
            "action": action or segments.actions[segment],
            "purpose": purpose.strip(),
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        try:
            self.warehouse.prepare()
            with self.warehouse.publication() as publication:
                publication.append(catalog.audiences, [receipt])
            text = json.dumps(receipt, default=str, indent=1, ensure_ascii=False) + "\n"
            path.with_suffix(".receipt.json").write_text(text, encoding="utf-8")
        except BaseException:
            path.unlink()  # no export without its receipt
            raise
        return receipt

    def _check(self, path: Path, segment: str, segments: Segments, purpose: str) -> None:
        if segment not in segments.actions:
            raise AudienceError(
                f"There is no segment {segment}. There are: {', '.join(segments.actions)}."
            )
        if path.suffix not in FORMATS:
            raise AudienceError(f"{path.name}: name it .csv or .parquet.")
        if path.exists():
            raise AudienceError(f"{path} is there already: nothing is written over it.")
        if not path.parent.is_dir():
            raise AudienceError(f"There is no directory {path.parent}.")
        if not purpose.strip():
            raise AudienceError("Say what the customers are wanted for: --purpose.")

    def _snapshot(self, as_of: dt.date | None) -> dt.date:
        days = [partition.value for partition in self.lake.rfm_scores.partitions()]
        if not days:
            raise AudienceError("There is no snapshot yet: run `rfm materialize` or `rfm demo`.")
        if as_of is not None and as_of not in days:
            kept = ", ".join(map(str, days[-10:]))
            raise AudienceError(f"There is no snapshot of {as_of}. The newest are: {kept}.")
        return as_of or days[-1]
