"""The customers of a segment as a file for activation, with a receipt of who took it and for what.

The file holds customers' numbers on their marketplace and what they have spent, and no name: only
its owner may read it. The receipt lies beside it and in the warehouse; it holds no customer. A CSV
is opened in spreadsheets, so a text in it that they would run as a formula has an apostrophe before
it (CWE-1236), which is taken away where the file is read as a campaign's list; Parquet has none.

Rows are written to a ``.partial`` file, then the receipt, then the warehouse's row is committed,
and only then the file gets its name. So whatever has that name has both receipts, wherever an
export ends. What fails is undone. A process that is killed undoes nothing: its ``.partial`` file
and its receipt stay, and nothing else is exported to that name until somebody removes them. Only
if it is killed between commit and rename, ``rfm.audiences`` has a row without a file.
"""

import datetime as dt
import hashlib
import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
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
            segment: of the snapshot, or of the segment file.
            action: what will be done; None: the segment file's.
            purpose: why, for the receipt.
            by: who.
            as_of: the snapshot's day; None: the newest.

        Returns:
            The receipt.

        Raises:
            AudienceError: no such segment, snapshot or customer, or the file cannot be written.
        """
        self._check(path, purpose)
        _must_be_text(segment=segment, marketplace=marketplace, action=action, by=by)
        beside = _beside(path)
        day = self._snapshot(as_of)
        with ExitStack() as undo:
            with self.engine.session() as session:
                session.view(self.lake.rfm_scores, day, day)
                stored = [name for name, *_ in session.rows(read_sql(__package__, "segment_table"))]
                actions = segments.actions_with(stored)
                if segment not in actions:
                    raise AudienceError(
                        f"There is no segment {segment}. There are: {', '.join(actions)}."
                    )
                session.materialize(
                    "audience",
                    read_sql(__package__, "audience"),
                    segment=segment,
                    marketplace=marketplace or "",
                    one_marketplace=marketplace is not None,
                )
                customers = len(session.query("FROM audience"))
                if not customers:
                    on = session.rows(
                        read_sql(__package__, "marketplaces_of_segment"), segment=segment
                    )
                    if on:
                        raise AudienceError(
                            f"{segment} has no customer on {marketplace} as of {day}. Marketplaces "
                            f"with such customers then: {', '.join(name for (name,) in on)}."
                        )
                    have = ", ".join(name for name in actions if name in stored)
                    where = "" if marketplace is None else f" on {marketplace}"
                    raise AudienceError(
                        f"{segment} has no customer{where} as of {day}. Segments with customers "
                        f"then: {have}."
                    )
                os.close(_create(beside.partial, undo))
                # A temporary file of DuckDB's own would take this one's place with another mode.
                if path.suffix == ".csv":
                    texts = session.query(read_sql(__package__, "audience_for_spreadsheets"))
                    texts.write_csv(str(beside.partial), header=True, use_tmp_file=False)
                else:
                    rows = session.query("FROM audience")
                    rows.write_parquet(str(beside.partial), use_tmp_file=False)
            with beside.partial.open("rb") as written:
                digest = hashlib.file_digest(written, "sha256").hexdigest()
            receipt = {
                "exported_at": dt.datetime.now(ZoneInfo(self.timezone)).replace(
                    tzinfo=None, microsecond=0
                ),
                "exported_by": by,
                "as_of_date": day,
                "segment": segment,
                "marketplace": marketplace,
                "customers": customers,
                "action": action or actions[segment],
                "purpose": purpose.strip(),
                "file": path.name,
                "sha256": digest,
            }
            with os.fdopen(_create(beside.receipt, undo), "w", encoding="utf-8") as file:
                file.write(json.dumps(receipt, default=str, indent=1, ensure_ascii=False) + "\n")
            self._publish(path, beside.partial, receipt, undo)
            undo.pop_all()
        return receipt

    def _publish(self, path: Path, partial: Path, receipt: dict[str, Any], undo: ExitStack) -> None:
        """Commits the row and gives the file its name."""
        self.warehouse.prepare()
        with self.warehouse.publication() as publication:
            publication.append(catalog.audiences, [receipt])
            _must_be_free(path)  # it may have come while we wrote
            undo.callback(self._take_back, receipt)  # also where a commit's answer gets lost
        undo.callback(_remove_renamed, partial, path)
        partial.rename(path)

    def _take_back(self, receipt: dict[str, Any]) -> None:
        with self.warehouse.publication() as publication:
            publication.rows(read_sql(__package__, "forget_audience"), receipt)

    def _check(self, path: Path, purpose: str) -> None:
        if path.suffix not in FORMATS:
            raise AudienceError(f"{path.name}: name it .csv or .parquet.")
        if not path.parent.is_dir():
            raise AudienceError(f"There is no directory {path.parent}.")
        beside = _beside(path)
        for file in (path, beside.receipt, beside.partial):
            _must_be_free(file)
        _must_be_text(file=path.name, purpose=purpose)
        if not any(map(str.isalnum, purpose)):
            raise AudienceError("Say what the customers are wanted for: --purpose.")

    def _snapshot(self, as_of: dt.date | None) -> dt.date:
        days = [partition.value for partition in self.lake.rfm_scores.partitions()]
        if not days:
            raise AudienceError("There is no snapshot yet: run `rfm materialize` or `rfm demo`.")
        if as_of is not None and as_of not in days:
            kept = ", ".join(map(str, days[-10:]))
            raise AudienceError(f"There is no snapshot of {as_of}. The newest are: {kept}.")
        return as_of or days[-1]


class _Beside(NamedTuple):
    receipt: Path
    partial: Path


def _beside(path: Path) -> _Beside:
    """Named after the whole name: a.csv and a.parquet each have their own."""
    return _Beside(
        *(path.with_name(path.name + ending) for ending in (".receipt.json", ".partial"))
    )


def _must_be_free(path: Path) -> None:
    if os.path.lexists(path):
        raise AudienceError(f"{path} is there already: nothing is written over it.")


def _must_be_text(**texts: str | None) -> None:
    """A shell passes on whatever bytes it was given; neither receipt could hold them."""
    for name, text in texts.items():
        try:
            (text or "").encode()
        except UnicodeEncodeError:
            raise AudienceError(f"{name} is no UTF-8 text.") from None


def _create(path: Path, undo: ExitStack) -> int:
    """A new file that only its owner may read, open for writing; removed where the rest fails."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise AudienceError(f"{path} cannot be written: {error.strerror}.") from None
    undo.callback(path.unlink, missing_ok=True)
    return descriptor


def _remove_renamed(partial: Path, path: Path) -> None:
    if not partial.exists():  # else what is there is not ours
        path.unlink(missing_ok=True)
