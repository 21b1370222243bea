"""People are told once, through real receivers, and nothing that they must not see."""

import datetime as dt
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from rfm_platform.automation.jobs import DEADLINE_JOB
from rfm_platform.automation.messages import (
    FAILING_REMEMBERED,
    LINES_SHOWN,
    Memory,
    Verdict,
    tell,
    tell_failed_run,
)
from rfm_platform.automation.retries import NO_RETRY
from rfm_platform.notifier import NotificationError, Notifier
from rfm_platform.postgres.embedded import EmbeddedServer
from rfm_platform.reconcile.sides import reconcile_months
from rfm_platform.runs import execute, plan_refresh
from rfm_platform_tests.assets.chain import QUIET, Chain, day, line, new_chain
from rfm_platform_tests.automation.sensor import Sensor
from rfm_platform_tests.receivers import Receiver, chat, mail_server, webhook

DAYS = ("03-01", "03-02", "03-03")
UI = "https://dagster.example"


def new(server: EmbeddedServer, directory: Path, url: str) -> Chain:
    chain = new_chain(server, directory, start_date=day("03-01"), alert_urls=url, ui_url=f"{UI}/")
    chain.fill([line(f"{on}-{n}", on) for on in DAYS for n in range(2)])
    return chain


def refresh(chain: Chain, as_of: str) -> bool:
    with chain.instance() as instance:
        (outcome,) = execute(chain.definitions, instance, plan_refresh(day(as_of), all_days=False))
    return outcome.succeeded


def tick(chain: Chain, cursor: str | None) -> str | None:
    """One evaluation of the sensor; its next cursor."""
    with chain.instance() as instance:
        sensor = Sensor("alert_on_checks", instance, chain.platform, cursor)
        sensor.tick()
    return sensor.cursor


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook() as receiver:
        yield receiver


def test_a_message_arrives_by_mail() -> None:
    with mail_server() as receiver:
        Notifier([receiver.url]).send("rfm_platform checks: 1 failed", "ERROR a day")
    (received,) = receiver.received
    assert received.splitlines()[:2] == ["rfm_platform checks: 1 failed", "ERROR a day"]


@pytest.mark.parametrize("is_right", [True, False])
def test_a_run_that_ends_after_another_one_has_read_the_day_tells_nothing_of_it(
    server: EmbeddedServer,
    tmp_path: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    is_right: bool,
) -> None:
    """What it saw is no more."""
    chain = new(server, tmp_path, receiver.url)
    nobody = line("nobody", "03-01", user_id=None)
    if is_right:
        chain.fill_more([nobody])
    cursors = [tick(chain, None)]

    def overtaken(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        if is_right:
            chain.in_mart("DELETE FROM flatten_order_marketplace WHERE order_id = 'nobody'")
        else:
            chain.fill_more([nobody])
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(chain.load, "03-01").result().succeeded
        cursors.append(tick(chain, cursors[0]))
        return reconcile_months(*arguments, **named)

    monkeypatch.setattr("rfm_platform.checks.reconciliation.reconcile_months", overtaken)
    chain.load("03-01")
    told = [text for text in receiver.received if "customers_are_known" in text]
    assert bool(told) is not is_right
    receiver.received.clear()
    for cursor in cursors:
        tick(chain, cursor)
    told = [text for text in receiver.received if "customers_are_known" in text]
    assert len(told) == (0 if is_right else 1), "a tick that saw both, and one that saw the last"
    assert not any("RECOVERED" in text for text in told)


def test_a_failed_check_is_told_once_for_each_day_and_once_when_it_recovers(
    server: EmbeddedServer, tmp_path: Path, receiver: Receiver
) -> None:
    chain = new(server, tmp_path, receiver.url)
    chain.in_mart(
        "UPDATE flatten_order_marketplace SET cancelled_flag = 'perhaps' WHERE order_id = '03-01-1'"
    )
    chain.fill_more([], [("shopee", "03-01-1", "Budi Santoso")])
    assert refresh(chain, "03-02")
    cursor = tick(chain, None)
    (told,) = receiver.received
    assert "ERROR source_orders flags_are_known 2024-03-01" in told
    assert "cancelled_flag='perhaps': 1" in told
    assert f"{UI}/runs/" in told
    assert "Budi" not in told

    assert refresh(chain, "03-03"), "the same day is not looked at again, nor told again"
    cursor = tick(chain, tick(chain, cursor))
    assert not [text for text in receiver.received[1:] if "flags_are_known" in text]

    chain.in_mart("UPDATE flatten_order_marketplace SET cancelled_flag = 'f'")
    assert refresh(chain, "03-03")
    receiver.received.clear()
    cursor = tick(chain, cursor)
    assert "RECOVERED source_orders flags_are_known 2024-03-01" in "".join(receiver.received)
    receiver.received.clear()
    tick(chain, cursor)
    assert receiver.received == []


def test_every_missing_morning_is_told_and_recovers_for_itself(
    server: EmbeddedServer, tmp_path: Path, receiver: Receiver
) -> None:
    chain = new(server, tmp_path, receiver.url)
    subject = "rfm_scores is_published_by_the_deadline"
    told = []
    cursor = None
    for newest, is_there in (("03-01", False), ("03-01", False), ("03-02", False), ("03-02", True)):
        settings = chain.settings.model_copy(update={"end_date": day(newest)})
        morning = Chain(settings, chain.mart, chain.warehouse)
        if is_there:
            assert refresh(morning, newest)
        with morning.instance() as instance:
            job = morning.definitions.resolve_job_def(DEADLINE_JOB)
            assert job.execute_in_process(instance=instance, run_config=QUIET).success
        cursor = tick(morning, cursor)
        told.append([text for text in receiver.received if subject in text])
        receiver.received.clear()
    assert [len(texts) for texts in told] == [1, 0, 1, 1]
    assert f"ERROR {subject} 2024-03-01:" in told[0][0]
    assert f"ERROR {subject} 2024-03-02:" in told[2][0]
    assert f"RECOVERED {subject} 2024-03-02" in told[3][0]


def test_a_range_of_days_tells_each_day_and_not_their_summary(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    with webhook() as receiver:
        chain = new(server, tmp_path, receiver.url)
        chain.in_mart("UPDATE flatten_order_marketplace SET user_id = ''")
        assert chain.load("03-01", "03-03").succeeded
        tick(chain, None)
        (told,) = receiver.received
    lines = [text for text in told.splitlines() if "customers_are_known" in text]
    assert [text.split(":")[0] for text in lines] == [
        f"ERROR source_orders customers_are_known 2024-{on}" for on in DAYS
    ]


def test_a_column_that_came_is_told_also_when_two_mornings_end_between_two_ticks(
    server: EmbeddedServer, tmp_path: Path, receiver: Receiver
) -> None:
    chain = new(server, tmp_path, receiver.url)
    assert refresh(chain, "03-01")
    cursor = tick(chain, None)
    chain.in_mart("ALTER TABLE flatten_order_marketplace ADD COLUMN voucher text")
    assert refresh(chain, "03-02")
    assert refresh(chain, "03-03")
    receiver.received.clear()
    cursor = tick(chain, cursor)
    (told,) = receiver.received
    assert "flatten_order_marketplace.voucher is new (text)" in told
    chain.in_mart("ALTER TABLE flatten_order_marketplace DROP COLUMN voucher")
    assert refresh(chain, "03-03")
    tick(chain, cursor)
    told = receiver.received[-1]
    assert "flatten_order_marketplace.voucher is gone (text)" in told
    assert "RECOVERED flatten_order_marketplace" not in told


def test_what_nobody_took_is_sent_at_the_next_tick(
    server: EmbeddedServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with webhook(status=503) as receiver:
        chain = new(server, tmp_path, receiver.url)
        chain.in_mart("UPDATE flatten_order_marketplace SET user_id = ''")
        assert chain.load("03-01").succeeded
        cursor = tick(chain, None)
    said = capfd.readouterr()
    assert "took the alert (json). Sending has failed 1 times" in caplog.text
    assert "hunter2" not in said.out + said.err + caplog.text
    assert "token-abc" not in said.out + said.err + caplog.text
    with webhook() as receiver:
        reachable = Chain(
            chain.settings.model_copy(update={"alert_urls": SecretStr(receiver.url)}),
            chain.mart,
            chain.warehouse,
        )
        tick(reachable, tick(reachable, cursor))
    (told,) = receiver.received
    assert "customers_are_known 2024-03-01" in told


def test_what_nobody_took_is_tried_ever_less_often_for_a_day() -> None:
    begun = now = dt.datetime(2024, 3, 1, 6, tzinfo=dt.UTC)
    retry, minutes = NO_RETRY, []
    while not retry.is_given_up:
        if retry.is_due(now):
            minutes.append((now - begun) // dt.timedelta(minutes=1))
            retry = retry.later(now)
        now += dt.timedelta(minutes=1)
    assert minutes[:9] == [0, 1, 2, 5, 12, 27, 58, 118, 178]
    assert 23.9 <= minutes[-1] / 60 <= 24.1
    assert retry.is_due(now - dt.timedelta(days=30)), "a clock that was set back"


def test_a_long_alert_is_several_messages_to_a_chat() -> None:
    message = tell(Memory(), [verdict(n) for n in range(100)], None)
    assert message is not None
    with chat(longest=4000) as receiver:
        Notifier([receiver.url]).send(message.title, message.body)
    assert len(receiver.received) > 1
    assert "".join(receiver.received).count("ERROR asset check day") == LINES_SHOWN


def test_a_name_with_line_ends_or_calls_makes_no_line_of_its_own() -> None:
    said = "1 line of shop\nERROR a b: <!channel> @everyone @allan"
    message = tell(Memory(), [replace(verdict(1), description=said)], None)
    assert message is not None
    assert message.body == (
        "ERROR asset check day 001: 1 line of shop ERROR a b: "
        "<\u200b!channel> @\u200beveryone @\u200ballan run run"
    )


def test_one_receiver_that_is_down_does_not_keep_the_message_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with webhook() as receiver, caplog.at_level(logging.DEBUG):
        Notifier(["json://user:hunter2@127.0.0.1:9/token-abc", receiver.url]).send("title", "body")
    assert receiver.received == ["title\nbody"]
    assert "could not be delivered by json" in caplog.text
    ours = [record for record in caplog.records if record.name.startswith("rfm_platform")]
    assert not any("hunter2" in record.getMessage() for record in ours)


def test_without_receivers_alerts_are_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Notifier().send("title", "body")
    assert "title\nbody" in caplog.text


@pytest.mark.parametrize("url", ["nonsense:hunter2", "hunter2@host", "tgram://hunter2/12315544"])
def test_a_url_that_is_none_is_an_error_that_does_not_repeat_it(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(NotificationError) as failed:
        Notifier([url]).send("title", "body")
    assert "hunter2" not in str(failed.value) + caplog.text


def verdict(number: int, *, passed: bool = False, severity: str = "ERROR") -> Verdict:
    return Verdict("asset", "check", f"day {number:03}", passed, severity, "x" * 1000, "run")


def test_long_lists_are_capped_and_say_so() -> None:
    message = tell(Memory(), [verdict(n) for n in range(100)], None)
    assert message is not None
    lines = message.body.splitlines()
    assert message.title == "rfm_platform checks: 100 failed"
    assert len(lines) == LINES_SHOWN + 1
    assert lines[-1] == f"… and {100 - LINES_SHOWN} more"
    assert max(map(len, lines)) < 400


def test_a_list_that_just_fits_is_whole_and_recoveries_are_capped_by_themselves() -> None:
    memory = Memory()
    tell(memory, [verdict(n) for n in range(LINES_SHOWN + 1)], None)
    news = [verdict(100 + n) for n in range(LINES_SHOWN)]
    message = tell(
        memory, [*(verdict(n, passed=True) for n in range(LINES_SHOWN + 1)), *news], None
    )
    assert message is not None
    assert message.title == (
        f"rfm_platform checks: {LINES_SHOWN} failed, {LINES_SHOWN + 1} recovered"
    )
    lines = message.body.splitlines()
    assert [text.split(":")[0] for text in lines] == [
        *(f"ERROR asset check day {100 + n}" for n in range(LINES_SHOWN)),
        *(f"RECOVERED asset check day {n:03}" for n in range(LINES_SHOWN)),
        "… and 1 more",
    ]


def test_a_run_with_many_failed_steps_names_some_and_says_how_many_more() -> None:
    errors = [f"step {n}" for n in range(LINES_SHOWN + 3)]
    message = tell_failed_run("load_days", "", "run", errors, None)
    assert message.title == "rfm_platform run failed: load_days"
    assert message.body.splitlines() == [*errors[:LINES_SHOWN], "… and 3 more", "run run"]


def test_a_memory_survives_a_restart_and_forgets_what_recovered() -> None:
    memory = Memory()
    tell(memory, [verdict(1), verdict(2)], None)
    memory = Memory.read(memory.write())
    assert tell(memory, [verdict(1)], None) is None
    message = tell(memory, [verdict(1, passed=True)], None)
    assert message is not None
    assert message.body == "RECOVERED asset check day 001"
    message = tell(memory, [verdict(2, passed=True)], None)
    assert message is not None
    assert message.body == "RECOVERED asset check day 002"
    assert memory.failing == {}


def test_a_warning_that_became_an_error_is_told_again() -> None:
    memory = Memory()
    tell(memory, [verdict(1, severity="WARN")], None)
    message = tell(memory, [verdict(1)], None)
    assert message is not None
    assert message.body.startswith("ERROR")
    assert tell(memory, [verdict(2), verdict(2, passed=True)], None) is None, "over before a tick"


def test_a_memory_is_bounded_and_knows_what_failed_last() -> None:
    memory = Memory()
    memory.go_on(2**63 - 1)
    everything = [verdict(number) for number in range(FAILING_REMEMBERED + 2)]
    tell(memory, everything[:FAILING_REMEMBERED], None)
    assert tell(memory, [everything[0]], None) is None, "found failing again: it stays in mind"
    tell(memory, everything[FAILING_REMEMBERED:], None)
    text = memory.write()
    assert len(text) < 20_000
    memory = Memory.read(text)
    assert tell(memory, [everything[0], *everything[3:]], None) is None
    assert tell(memory, [verdict(1, passed=True), verdict(2, passed=True)], None) is None
    message = tell(memory, [verdict(0, passed=True), verdict(3, passed=True)], None)
    assert message is not None
    assert message.title == "rfm_platform checks: 2 recovered"


def test_a_memory_of_an_earlier_release_is_read() -> None:
    failing = {f"asset check day {n:03}": "ERROR" for n in range(FAILING_REMEMBERED * 2)}
    text = json.dumps({"after": 5.5, "runs": ["0b7e8a4e"], "failing": failing})
    memory = Memory.read(Memory.read(text).write())
    assert memory.since == 5.5
    newest = FAILING_REMEMBERED * 2 - 1
    assert tell(memory, [verdict(newest)], None) is None
    message = tell(memory, [verdict(newest, passed=True)], None)
    assert message is not None
    assert message.body == f"RECOVERED asset check day {newest}"
    assert len(memory.write()) < 20_000


def test_what_has_happened_is_told_even_if_the_next_run_does_not_see_it_any_more() -> None:
    changed = replace(verdict(1), is_news=True)
    memory = Memory()
    message = tell(memory, [changed, verdict(1, passed=True)], None)
    assert message is not None
    assert message.title == "rfm_platform checks: 1 failed"
    assert tell(memory, [verdict(1, passed=True)], None) is None, "it has not recovered: it was"
    assert tell(memory, [changed], None) is not None, "another change"


def test_a_check_of_several_things_tells_when_another_of_them_fails() -> None:
    def outside(parts: str) -> Verdict:
        return replace(verdict(1, passed=not parts), parts=parts)

    memory = Memory()
    told = [
        bool(tell(memory, [outside(parts)], None))
        for parts in ("before", "before", "before, without", "before, without", "")
    ]
    assert told == [True, False, True, False, True]


def test_a_later_morning_that_is_there_is_no_recovery_of_an_earlier_one() -> None:
    def morning(on: str, *, passed: bool) -> Verdict:
        return Verdict("asset", "check", on, passed, "ERROR", "", "run", only_newest=True)

    memory = Memory()
    message = tell(memory, [morning(on, passed=False) for on in DAYS[:2]], None)
    assert message is not None
    assert message.title == "rfm_platform checks: 2 failed"
    assert tell(memory, [morning(DAYS[2], passed=True)], None) is None
    assert memory.failing == {}
