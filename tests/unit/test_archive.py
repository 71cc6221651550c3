"""From which backup, along which timeline, a moment is reached; and when it cannot be."""

from datetime import UTC, datetime, timedelta

import pytest

from compose.archive import Archive, file_of, read
from compose.runtime.verbs import RuntimeFailed, UnknownComponent

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def moment(minute: int) -> str:
    return f"2026-11-27T11:{minute:02}:00.000000Z"


def seconds(minute: int) -> str:
    return f"{datetime(2026, 11, 27, 11, minute, tzinfo=UTC).timestamp():.6f}"


def backup(number: int, minute: int, timeline: int, segment: int) -> str:
    return f"backup b{number} 5000000 {moment(minute)} 700 {timeline} 0/{segment:X}000028 0/{segment:X}000100"


def file(timeline: int, segment: int, minute: int) -> str:
    return f"file {timeline:08X}00000000{segment:08X} {seconds(minute)}"


def archive(*lines: str) -> Archive:
    return read("\n".join([*lines, "kept 12 no"]))


RESTORED = (
    f"history 2 {seconds(30)}\nfork 1 0/5000000 before 2026-11-27 11:20:00+00",  # at 11:30, to what was at 11:20
    backup(1, 10, timeline=1, segment=2),
    backup(2, 25, timeline=1, segment=6),  # on what the restore has left
    backup(3, 40, timeline=2, segment=7),
)
PROMOTED = (
    f"history 2 {seconds(30)}\nfork 1 0/5000000 no recovery target specified",
    backup(1, 10, timeline=1, segment=2),
)


def test_a_moment_is_reached_from_the_newest_backup_before_it() -> None:
    found = archive(backup(1, 10, 1, 2), backup(2, 20, 1, 4))
    plans = [found.plan(moment(minute), NOW) for minute in (15, 25)]
    assert [(plan.backup.id, plan.timeline) for plan in plans] == [("b1", 1), ("b2", 1)]
    assert "recovery_target_time = '2026-11-27T11:25:00+00:00'" in plans[1].settings


def test_a_backup_is_restored_as_it_was_when_it_ended() -> None:
    found = archive(backup(1, 10, 1, 2), backup(2, 20, 1, 4))
    assert "recovery_target = 'immediate'" in found.plan("b1", NOW).settings
    assert found.plan("latest", NOW).backup.id == "b2"


@pytest.mark.parametrize(
    ("minute", "backup_id", "timeline"), [(15, "b1", 1), (28, "b2", 1), (35, "b1", 2), (45, "b3", 2)]
)
def test_what_was_true_before_a_restore_is_reached_along_the_timeline_it_left(
    minute: int, backup_id: str, timeline: int
) -> None:
    plan = archive(*RESTORED).plan(moment(minute), NOW)
    assert (plan.backup.id, plan.timeline) == (backup_id, timeline)
    follows = "latest" if timeline == 2 else "1"
    assert f"recovery_target_timeline = '{follows}'" in plan.settings


def test_a_failover_leaves_nothing_behind_so_its_newest_timeline_is_followed() -> None:
    assert archive(*PROMOTED).plan(moment(20), NOW).timeline == 2


@pytest.mark.parametrize(
    ("to", "why"),
    [
        (moment(5), "before the oldest backup, b1 of 2026-11-27T11:10"),
        ("2026-11-27T12:00:01Z", "has not come yet: it is 2026-11-27T12:00:00"),
    ],
)
def test_a_moment_out_of_reach_is_refused_and_the_reason_names_the_limit(to: str, why: str) -> None:
    with pytest.raises(RuntimeFailed, match=why):
        archive(backup(1, 10, 1, 2)).plan(to, NOW)


@pytest.mark.parametrize(("to", "why"), [("b12", "do you mean b1"), ("noon, please", r"\(b1, latest\) nor a moment")])
def test_what_is_neither_a_backup_nor_a_moment_names_what_there_is(to: str, why: str) -> None:
    with pytest.raises(UnknownComponent, match=why):
        archive(backup(1, 10, 1, 2)).plan(to, NOW)


def test_without_a_backup_the_way_to_one_is_said() -> None:
    with pytest.raises(RuntimeFailed, match=r"./shoplab backup"):
        archive().plan("latest", NOW)


def test_a_moment_without_a_zone_is_utc() -> None:
    plan = archive(backup(1, 10, 1, 2)).plan("2026-11-27 11:15:00", NOW)
    assert plan.moment == NOW - timedelta(minutes=45)


def test_a_backup_reaches_to_now_when_its_log_is_whole_up_to_what_is_being_written() -> None:
    found = archive(backup(1, 10, 1, 2), file(1, 2, 11), file(1, 3, 12))
    written = "000000010000000000000004"
    assert found.until(found.backups[0], [written], written) is None


def test_a_backup_reaches_to_the_first_file_of_the_log_that_is_missing() -> None:
    found = archive(backup(1, 10, 1, 2), file(1, 2, 11), file(1, 3, 12), file(1, 5, 14))
    written = "000000010000000000000006"
    until = found.until(found.backups[0], [written], written)
    assert until == datetime(2026, 11, 27, 11, 12, tzinfo=UTC)


def test_a_backup_reaches_along_the_newest_timeline_or_to_the_end_of_the_one_it_is_on_alone() -> None:
    written = "00000002000000000000000A"
    held = [f"0000000200000000{number:08X}" for number in range(5, 11)]
    found = archive(*RESTORED, *(file(1, number, 10 + number) for number in range(2, 8)))
    until = [found.until(each, held, written) for each in found.backups]
    assert until == [None, datetime(2026, 11, 27, 11, 25, tzinfo=UTC), None]


def test_a_file_of_a_timeline_that_was_left_does_not_stand_for_the_one_that_is_missing() -> None:
    found = archive(*RESTORED[:2], *(file(1, number, 10 + number) for number in range(2, 8)), file(2, 5, 31))
    until = found.until(found.backups[0], ["000000020000000000000007"], "000000020000000000000007")
    assert until == datetime(2026, 11, 27, 11, 31, tzinfo=UTC)


def test_a_file_of_the_log_is_told_by_timeline_and_number() -> None:
    assert file_of("000000020000000100000003") == (2, 259)
