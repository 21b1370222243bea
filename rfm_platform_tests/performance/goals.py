"""Our goals, as ratios of CPU seconds within one run, and whether a run reaches them.

They are meant for ten million lines; a smaller size is judged alike, and the page shows both. A
goal that is not reached is shown as not reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import ge, le

from rfm_platform_tests.performance.lab import Size
from rfm_platform_tests.performance.peers import PEERS

REBUILD = ("extract", "transform", "publish")
FLOORS = {
    "extract": "floor: COPY out",
    "transform": "floor: GROUP BY",
    "publish": "floor: COPY in",
    "find changes": "floor: COUNT",
}
AT_MOST = {"extract": 1.5, "transform": 3.0, "publish": 1.3}
MORNING = 0.03
LARGE, LARGER = 10_000_000, 50_000_000
LARGER_MEMORY_MB, LARGER_CPU = 1500, 5.5
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Verdict:
    """One goal on one size.

    Attributes:
        goal: what is compared.
        aim: the goal, with its sign.
        lines: the size.
        found: what was measured, as text; why not, if it was not.
        reached: None where nothing was measured.
    """

    goal: str
    aim: str
    lines: int
    found: str
    reached: bool | None


def ratio_to_floor(size: Size, stage: str) -> float | None:
    """CPU seconds of a stage ÷ those of its floor; None: one of them was not measured."""
    measured, floor = size.stages.get(stage), size.stages.get(FLOORS.get(stage, ""))
    return None if measured is None or floor is None else measured.cpu / floor.cpu


def share_of_rebuild(size: Size) -> float | None:
    """CPU seconds of a morning ÷ those of building everything anew; None: no morning measured."""
    morning = size.stages.get("refresh")
    return None if morning is None else morning.cpu / rebuild(size)


def rebuild(size: Size) -> float:
    """CPU seconds of building everything anew."""
    return sum(size.stages[stage].cpu for stage in REBUILD)


def judge(sizes: Sequence[Size]) -> list[Verdict]:
    """Each goal on each size."""
    verdicts = []
    for size in sizes:
        for stage, aim in AT_MOST.items():
            ratio = ratio_to_floor(size, stage)
            name = f"{stage} ÷ {FLOORS[stage].removeprefix('floor: ')}"
            verdicts.append(_verdict(name, size, ratio, aim))
        verdicts += [_against_peer(size, peer.name, peer.factor) for peer in PEERS]
        morning = share_of_rebuild(size)
        verdicts.append(
            Verdict(
                "a morning with 30 changed days, of a rebuild",
                f"≤ {MORNING:.0%}",
                size.lines,
                NOT_MEASURED if morning is None else f"{morning:.1%}",
                None if morning is None else morning <= MORNING,
            )
        )
    return verdicts + _growth({size.lines: size for size in sizes})


def _against_peer(size: Size, peer: str, factor: float) -> Verdict:
    goal, result = f"{peer} ÷ transform", size.peers.get(peer)
    if result is None or result.figures is None:
        why = NOT_MEASURED if result is None else result.reason
        return Verdict(goal, f"≥ {factor}", size.lines, why, None)
    ratio = result.figures.cpu / size.stages["transform"].cpu
    return _verdict(goal, size, ratio, factor, at_least=True)


def _growth(sizes: dict[int, Size]) -> list[Verdict]:
    goals = (
        f"peak memory at {LARGER:,} lines, MB",
        f"CPU at {LARGER:,} lines ÷ at {LARGE:,}",
    )
    if LARGER not in sizes:
        aims = (f"≤ {LARGER_MEMORY_MB}", f"≤ {LARGER_CPU}")
        return [
            Verdict(goal, aim, LARGER, NOT_MEASURED, None)
            for goal, aim in zip(goals, aims, strict=True)
        ]
    larger = sizes[LARGER]
    stages = [stage for stage in (*REBUILD, "refresh") if stage in larger.stages]
    memory = max(larger.stages[stage].memory for stage in stages)
    found = [_verdict(goals[0], larger, memory, LARGER_MEMORY_MB)]
    if LARGE in sizes:
        growth = rebuild(larger) / rebuild(sizes[LARGE])
        found.append(_verdict(goals[1], larger, growth, LARGER_CPU))
    return found


def _verdict(
    goal: str, size: Size, found: float | None, aim: float, *, at_least: bool = False
) -> Verdict:
    sign = "≥" if at_least else "≤"
    if found is None:
        return Verdict(goal, f"{sign} {aim}", size.lines, NOT_MEASURED, None)
    is_reached = (ge if at_least else le)(found, aim)
    text = f"{found:,.0f}" if found > 100 else f"{found:.1f}"
    return Verdict(goal, f"{sign} {aim}", size.lines, text, is_reached)
