"""What has to be done: what is wanted, what was sent before, and what is there, compared.

Three sides, because two cannot tell a change of the declaration from a change by a person: where
what is there is what was sent, only the declaration has moved; where it is not, somebody has
edited it in Redash, and it stays as it is unless told otherwise.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rfm_platform.dashboards.redash.wanted import Address, Fields

Action = Literal["create", "update", "edited", "retire", "release", "record"]
REMOVED = "(removed)"
PUT_AWAY: Fields = {"is_archived": True, "schedule": None}
_LEFT = " (no longer declared)"  # of a chart, which Redash cannot archive


def name_of_left(name: str) -> str:
    """What a chart is called that has left the declaration while its query stays."""
    return name if name.endswith(_LEFT) else name + _LEFT


@dataclass(frozen=True)
class Sent:
    """What was sent of an object: where it lies in Redash, and its fields then.

    Attributes:
        adopted: people made it; None: nobody knows, an older release noted it.
        has_left: the declaration: put away, or let go if people made it. It is ours again when its
            key returns.
    """

    id: int
    fields: Fields
    adopted: bool | None = False
    has_left: bool = False

    def is_put_away(self, address: Address) -> bool:
        """Whether it was put away, if it has left, or will be."""
        return self.adopted is False and address.kind in ("query", "dashboard", "alert")


@dataclass(frozen=True)
class Live:
    """What Redash holds of an object.

    Attributes:
        id: Redash's number.
        fields: those that are managed.
        answer: everything that Redash says of it, to send back what is people's.
        is_pristine: as the server made it, so that nobody's work is lost.
    """

    id: int
    fields: Fields
    answer: Mapping[str, Any]
    is_pristine: bool = False


@dataclass(frozen=True)
class Difference:
    """One field, as it is and as it is wanted."""

    field: str
    now: Any
    wanted: Any

    @property
    def lines(self) -> list[str]:
        """For people: only what differs; long texts as a diff."""
        if isinstance(self.now, dict) and isinstance(self.wanted, dict):
            names = sorted({**self.now, **self.wanted})
            parts = (
                Difference(f"{self.field}.{name}", self.now.get(name), self.wanted.get(name))
                for name in names
            )
            return [line for part in parts if part.now != part.wanted for line in part.lines]
        now, wanted = _text(self.now), _text(self.wanted)
        if "\n" not in now + wanted:
            return [f"{self.field}: {now} → {wanted}"]
        diff = difflib.unified_diff(now.splitlines(), wanted.splitlines(), lineterm="", n=1)
        return [f"{self.field}:", *(f"  {line}" for line in list(diff)[2:])]


@dataclass(frozen=True)
class Change:
    """What is to be done with one object.

    Attributes:
        action: create or update it; `edited`: a person changed it, leave it; `retire`: it has left
            the declaration and is put away; `release`: it has left and stays as it is; `record`: it
            is as wanted, and only to be noted.
        differences: between what is there and what is wanted.
    """

    address: Address
    action: Action
    differences: tuple[Difference, ...] = ()


def plan(
    wanted: Mapping[Address, Fields],
    sent: Mapping[Address, Sent],
    live: Mapping[Address, Live],
    *,
    overwrite: bool = False,
) -> list[Change]:
    """The changes, in an order in which they can be made. Empty: everything is as wanted.

    Args:
        wanted: the declaration, those first that others refer to.
        sent: what was sent before, of what is wanted or has yet to leave.
        live: what is there of both.
        overwrite: whether what people edited is brought back to the declaration.
    """
    changes = []
    for address, fields in wanted.items():
        change = _change(address, fields, sent.get(address), live.get(address))
        if overwrite and change is not None and change.action == "edited":
            action: Action = "update" if address in live else "create"
            change = Change(address, action, change.differences)
        if change is not None:
            changes.append(change)
    # Widgets before the visualizations and queries that they show.
    left = sorted((address for address in sent if address not in wanted), key=_last_first)
    return changes + [Change(a, _leaving(a, sent[a], wanted)) for a in left]


def _leaving(address: Address, sent: Sent, wanted: Mapping[Address, Fields]) -> Action:
    """No query, visualization, dashboard or alert that people made is put away. A visualization
    goes with its query, a widget with its dashboard, and is taken off one that stays.
    """
    if address.kind == "widget":
        stays = Address("dashboard", address.key.split("/")[0]) in wanted
        return "retire" if stays else "release"
    if address.kind == "visualization":
        stays = Address("query", address.key.split(".")[0]) in wanted
        return "retire" if stays and sent.adopted is False else "release"
    return "retire" if sent.is_put_away(address) else "release"


def _change(
    address: Address, fields: Fields, sent: Sent | None, live: Live | None
) -> Change | None:
    if live is None:
        if sent is None or sent.has_left:
            return Change(address, "create")
        return Change(address, "edited", (Difference("object", REMOVED, "there"),))
    differences = tuple(_differences(live.fields, fields))
    was_put_away = sent is not None and sent.has_left and sent.is_put_away(address)
    if not differences and not was_put_away:  # which mutes an alert: it is sent once more
        is_noted = sent is not None and (sent.id, sent.fields, sent.has_left) == (
            live.id,
            fields,
            False,
        )
        return None if is_noted else Change(address, "record")
    untouched = live.is_pristine
    if sent is not None:
        before = sent.fields | (PUT_AWAY if was_put_away else {})
        if address.kind == "visualization" and live.fields["name"] == name_of_left(before["name"]):
            before = before | {"name": live.fields["name"]}
        # A field that is declared only now was sent as nothing.
        untouched = all(each.now == before.get(each.field) for each in differences)
    return Change(address, "update" if untouched else "edited", differences)


def _differences(now: Fields, wanted: Fields) -> Iterable[Difference]:
    for field, value in wanted.items():
        if now.get(field) != value:
            yield Difference(field, now.get(field), value)


def _last_first(address: Address) -> int:
    return ("alert", "widget", "dashboard", "visualization", "query", "data_source").index(
        address.kind
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
