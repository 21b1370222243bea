"""Running steps with a progress bar, and telling what failed."""

import datetime as dt

from rich.console import Console
from rich.markup import escape

from rfm_platform.automation.instance import open_instance
from rfm_platform.automation.mornings import missed_month_end
from rfm_platform.cli.failed_checks import sentences
from rfm_platform.cli.progress import bar
from rfm_platform.definitions import build_defs
from rfm_platform.runs import Outcome, Step, execute, plan_refresh
from rfm_platform.settings import Settings


def refresh_steps(settings: Settings, as_of: dt.date, *, all_days: bool) -> list[Step]:
    """What `rfm refresh` runs, a missed month end first."""
    with open_instance(settings) as instance:
        missed = missed_month_end(instance, settings.start_date, as_of)
    return plan_refresh(as_of, all_days=all_days, missed=missed)


def run_steps(settings: Settings, steps: list[Step], console: Console) -> bool:
    """Executes steps and prints failures with what to do about them; whether all went well."""
    definitions = build_defs(settings)
    succeeded = True
    told: set[str] = set()
    with open_instance(settings) as instance, bar(console) as progress:
        task = progress.add_task(steps[0].title, total=len(steps))
        for number, outcome in enumerate(execute(definitions, instance, steps), start=1):
            succeeded = outcome.succeeded
            following = steps[number].title if number < len(steps) else "done"
            title = following if outcome.succeeded else "stopped"
            progress.update(task, advance=1, description=title)
            _tell(outcome, told, console)
    return succeeded


def _tell(outcome: Outcome, told: set[str], console: Console) -> None:
    for sentence in sentences([check for check in outcome.checks if not check.passed]):
        if sentence not in told:  # what has no day, each month's run says again
            console.print(sentence, highlight=False)
        told.add(sentence)
    if not outcome.succeeded:
        for error in outcome.errors:
            console.print(f"[bold red]FAILED[/] {escape(error)}", highlight=False)
        console.print(
            f"Run {outcome.run_id} failed; what was published before stays as it was. "
            "`rfm ui` shows the run."
        )
