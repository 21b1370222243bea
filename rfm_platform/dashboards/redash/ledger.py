"""What was sent to Redash, noted in the warehouse, object by object, as soon as it was sent."""

import datetime as dt
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rfm_platform import catalog
from rfm_platform.dashboards.redash.plan import Sent
from rfm_platform.dashboards.redash.wanted import Address, Fields
from rfm_platform.engine import read_sql
from rfm_platform.warehouse import Warehouse

_log = logging.getLogger(__name__)
_PACKAGE = "rfm_platform.dashboards"


@dataclass(frozen=True)
class Ledger:
    """The notes about one server.

    Attributes:
        server: its address: another server's numbers mean nothing there.
        timezone: of the times in it.
    """

    warehouse: Warehouse
    server: str
    timezone: str

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else applies to this server until the end of the block: two would make all twice.

        The lock is a transaction's, which a pooler keeps on one session, and ends with its process.
        """
        with self.warehouse.publication() as publication:
            if not publication.try_lock(catalog.redash_objects, self.server):
                said = "Another apply to %s is under way: waiting until it has ended."
                _log.warning(said, self.server)
            publication.lock(catalog.redash_objects, self.server)
            yield

    def read(self) -> dict[Address, Sent]:
        """What was sent, by object."""
        self.warehouse.prepare()
        rows = self.warehouse.rows(read_sql(_PACKAGE, "redash_objects"), {"server": self.server})
        return {
            Address(row["kind"], row["key"]): Sent(
                row["id"],
                json.loads(row["sent"]),
                adopted=row["adopted"],
                has_left=row["left_at"] is not None,
            )
            for row in rows
        }

    def note(self, address: Address, number: int, fields: Fields, *, adopted: bool = False) -> None:
        """Replaces what is noted of an object, which is in the declaration.

        Args:
            adopted: whether people made it; what was adopted once stays so.
        """
        row = {
            **self._key(address),
            "id": number,
            "sent": json.dumps(fields, ensure_ascii=False, sort_keys=True),
            "sent_at": self._now(),
            "left_at": None,
        }
        with self.warehouse.publication() as publication:
            forget = read_sql(_PACKAGE, "forget_redash_object")
            before = publication.rows(forget, self._key(address))
            same = [noted["adopted"] for noted in before if noted["id"] == number]
            row["adopted"] = adopted or (same[0] if same else False)
            publication.append(catalog.redash_objects, [row])

    def leave(self, address: Address) -> None:
        """Notes that an object has left the declaration; its number stays, for its return."""
        key = self._key(address)
        with self.warehouse.publication() as publication:
            leave = read_sql(_PACKAGE, "leave_redash_object")
            publication.rows(leave, key | {"left_at": self._now()})

    def forget(self, address: Address) -> None:
        """Removes what is noted of an object."""
        with self.warehouse.publication() as publication:
            publication.rows(read_sql(_PACKAGE, "forget_redash_object"), self._key(address))

    def _now(self) -> dt.datetime:
        return dt.datetime.now(ZoneInfo(self.timezone)).replace(tzinfo=None)

    def _key(self, address: Address) -> dict[str, str]:
        return {"server": self.server, "kind": address.kind, "key": address.key}
