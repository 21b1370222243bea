"""When the jobs run: every morning for the day before, every week over all days once more."""

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from rfm_platform.automation.mornings import missed_month_end
from rfm_platform.partitions import LateChanges
from rfm_platform.settings import Settings

# Hours after the morning's run of RFM_WHOLE_HISTORY_ON.
WHOLE_HISTORY_AFTER = 1
MAINTENANCE_AFTER = 2
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def weekly(settings: Settings, hours: int) -> str:
    """A cron line for so many hours after a weekday's run, which may be on the next weekday."""
    at = settings.daily_at
    days, hour = divmod(at.hour + hours, 24)
    weekday = _WEEKDAYS.index(settings.whole_history_on[:3]) + days
    return f"{at.minute} {hour} * * {_WEEKDAYS[weekday % 7]}"


def drill_schedule(
    settings: Settings, drill: UnresolvedAssetJobDefinition
) -> dg.ScheduleDefinition:
    """The BI database's restore drill, every day; on where there is such a database."""
    wanted = settings.bi_drill
    if wanted is None:
        wanted = settings.bi_source_url is not None or settings.bi_source_command is not None
    running = settings.schedules and wanted

    @dg.schedule(
        name="every_day_restore_drill",
        description="A dump of the BI platform's database, restored and compared.",
        job=drill,
        cron_schedule=f"{settings.bi_drill_at.minute} {settings.bi_drill_at.hour} * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING
        if running
        else dg.DefaultScheduleStatus.STOPPED,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        now = context.scheduled_execution_time.astimezone(ZoneInfo(settings.timezone))
        return dg.RunRequest(partition_key=now.date().isoformat())

    return schedule


def schedules(
    settings: Settings,
    daily: dg.DailyPartitionsDefinition,
    refresh: UnresolvedAssetJobDefinition,
    deadline: UnresolvedAssetJobDefinition,
    maintenance: dg.JobDefinition,
) -> list[dg.ScheduleDefinition]:
    """All of them, in the settings' zone.

    Args:
        settings: when, and whether they run without being switched on.
        daily: the days.
        refresh: the job that brings every table up to a day.
        deadline: the job that looks whether it did.
        maintenance: the job that removes what is old.
    """
    status = (
        dg.DefaultScheduleStatus.RUNNING if settings.schedules else dg.DefaultScheduleStatus.STOPPED
    )

    def refresh_at(
        name: str, description: str, cron: str, late: LateChanges
    ) -> dg.ScheduleDefinition:
        @dg.schedule(
            name=name,
            description=description,
            job=refresh,
            cron_schedule=cron,
            execution_timezone=settings.timezone,
            default_status=status,
        )
        def schedule(
            context: dg.ScheduleEvaluationContext,
        ) -> list[dg.RunRequest] | dg.SkipReason:
            now = context.scheduled_execution_time.astimezone(ZoneInfo(settings.timezone))
            if late is LateChanges.ALL:  # for the same day as the run before it
                now -= dt.timedelta(hours=WHOLE_HISTORY_AFTER)
            day = now.date() - dt.timedelta(days=1)
            if not daily.has_partition_key(day.isoformat()):
                return dg.SkipReason(f"{day} is no partition.")
            days = [day]
            # The weekly run comes an hour after the morning's, which may not be done yet.
            if late is LateChanges.WINDOW:
                missed = missed_month_end(context.instance, settings.start_date, day)
                days = [missed, day] if missed else days
            return [
                dg.RunRequest(
                    run_key=f"{each} on the morning after {day}",
                    partition_key=each.isoformat(),
                    run_config=late.config,
                )
                for each in days
            ]

        return schedule

    at = settings.daily_at
    return [
        refresh_at(
            "every_morning",
            "The day before, and late changes on the days that RFM_LOOKBACK_DAYS covers.",
            f"{at.minute} {at.hour} * * *",
            LateChanges.WINDOW,
        ),
        refresh_at(
            "every_week",
            "Late changes on all days since the first one.",
            weekly(settings, WHOLE_HISTORY_AFTER),
            LateChanges.ALL,
        ),
        dg.ScheduleDefinition(
            name="at_the_deadline",
            description="Looks whether the day before is published: a missing morning alerts.",
            job=deadline,
            cron_schedule=f"{settings.deadline.minute} {settings.deadline.hour} * * *",
            execution_timezone=settings.timezone,
            default_status=status,
        ),
        dg.ScheduleDefinition(
            name="every_week_maintenance",
            description="Old lake versions, leftovers of killed runs and old logs are removed.",
            job=maintenance,
            cron_schedule=weekly(settings, MAINTENANCE_AFTER),
            execution_timezone=settings.timezone,
            default_status=status,
        ),
    ]
