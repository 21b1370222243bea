"""What the checks have said so far, for people."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg

from rfm_platform.dashboards import CheckLine
from rfm_platform.dashboards.check_results import CheckResult
from rfm_platform.verdicts import newest_verdicts, the_one_that_counts


@dataclass(frozen=True)
class CheckOutcome:
    """What a check has said.

    Attributes:
        day: None: of a check that has no days, or of a run's range, all its days together.
    """

    asset: str
    check: str
    day: str | None
    passed: bool
    severity: str
    description: str


def outcome_of(evaluation: dg.AssetCheckEvaluation) -> CheckOutcome:
    """What an evaluation says."""
    return CheckOutcome(
        asset=evaluation.asset_key.to_user_string(),
        check=evaluation.check_name,
        day=evaluation.partition,
        passed=evaluation.passed,
        severity=evaluation.severity.value,
        description=evaluation.description or "",
    )


def failures(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, days: Iterable[str | None]
) -> list[CheckOutcome]:
    """What the check said of days that have failed by the verdict that counts: a query for each."""
    found = [the_one_that_counts(instance, key, day, None) for day in days]
    return [outcome_of(each) for each in found if each is not None and not each.passed]


def check_lines(
    instance: dg.DagsterInstance, specs: Iterable[dg.AssetCheckSpec]
) -> list[CheckLine]:
    """A line for each check that has a verdict, by asset and name."""
    lines = []
    for spec in sorted(specs, key=lambda spec: (str(spec.key.asset_key), spec.name)):
        verdicts = newest_verdicts(instance, spec.key, by_day=spec.partitions_def is not None)
        if verdicts:
            asset = spec.asset_key.to_user_string()
            passed = sum(verdicts.values())
            failed = len(verdicts) - passed
            lines.append(CheckLine(asset, spec.name, spec.description or "", passed, failed))
    return lines


def check_results(
    instance: dg.DagsterInstance, specs: Iterable[dg.AssetCheckSpec]
) -> list[CheckResult]:
    """The newest verdict of each check on each day it has judged."""
    results = []
    for spec in specs:
        asset = spec.asset_key.to_user_string()
        verdicts = newest_verdicts(instance, spec.key, by_day=spec.partitions_def is not None)
        for day, passed in verdicts.items():
            judged = dt.date.fromisoformat(day) if day is not None else None
            results.append(CheckResult(asset, spec.name, judged, passed))
    return results
