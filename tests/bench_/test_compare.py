"""The rows of a run beside those of the last release."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("resource", reason="peak memory of a child is told by POSIX only")

from bench import compare, groups, run
from bench.measure import Failed, Measured
from bench.table import Beside, Missing, Row, Target, headings, line
from bench.tools import Tools

TOOLS = Tools("inspector", None, None, Path(), 1)
CHOICE = groups.Choice([], save=False, repositories=1)


def row(job: str, seconds: float, yardstick: float | None = 0.5, *, is_ours: bool = True) -> Row:
    measured = Measured(seconds, seconds * 0.9, seconds * 1.1, 50_000_000, b"")
    return Row(job, measured, is_ours=is_ours, yardstick=yardstick)


def stored(*rows: Row) -> compare.Release:
    return compare.stored_of("1.0", "here", rows)


def test_a_row_that_is_slower_in_yardsticks() -> None:
    """A machine half as fast takes twice the seconds for the yardstick, too."""
    before = stored(row("a", 1.0), row("b", 1.0), row("c", 1.0))
    now = stored(row("a", 1.29), row("b", 1.31), row("c", 2.0, yardstick=1.0), row("d", 9.0))
    (said,) = compare.slower(now, before)
    assert said.startswith("b: 1.31 times as slow as in 1.0")
    assert compare.uncompared(now, before) == ["d"]


def test_what_other_tools_take_is_not_compared() -> None:
    before = stored(row("syft", 1.0, is_ours=False), row("none", 1.0, yardstick=None))
    assert list(before.rows) == ["syft"]
    assert list(compare.slower(stored(row("syft", 9.0, is_ours=False)), before)) == []


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "released.json"
    assert compare.read(path) is None
    compare.write(stored(row("a", 1.0)), path)
    assert compare.read(path) == stored(row("a", 1.0))


@pytest.mark.parametrize(("seconds", "code"), [(1.0, 0), (1.4, 1)])
def test_the_exit_code_of_a_comparison(
    seconds: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "released.json"
    monkeypatch.setattr(compare.read, "__defaults__", (path,))
    assert run._compared(stored()) == 1, "no release is none that is as fast"
    compare.write(stored(row("a", 1.0)), path)
    assert run._compared(stored(row("a", seconds))) == code
    assert ("a: 1.40 times as slow" in capsys.readouterr().err) == bool(code)


def test_each_group_has_a_yardstick_and_a_failure_ends_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(*_: object) -> groups.Rows:
        yield row("a", 1.0, yardstick=None)
        yield row("own", 1.0, yardstick=2.0)
        raise Failed("it broke")

    monkeypatch.setattr(Tools, "yardstick", lambda _: 0.25)
    monkeypatch.setitem(groups.GROUPS, "start", rows)
    first, own, failed = groups.rows_of("start", TOOLS, CHOICE)
    assert isinstance(first, Row)
    assert isinstance(own, Row)
    assert (first.ratio, own.ratio) == (4.0, 0.5)
    assert isinstance(failed, Missing)
    assert "it broke" in line(failed)


def test_a_row_as_it_is_printed() -> None:
    target = Target(0.6, of_syft=1 / 40, of_run=1.25)
    shown = line(Row("job", Measured(0.5, 0.4, 0.6, 41_000_000, b""), beside=Beside(30.0, 2.0), target=target))
    assert " ".join(headings().split()).startswith("job median range peak spread yardsticks")
    assert " ".join(shown.split()) == "job 0.50 s 0.40 … 0.60 41 MB ±20% 1/60 1/4 0.6 s, 1/40 of syft, 1.25 of run: met"


def test_a_target_of_shares_alone() -> None:
    assert Target(of_run=1.25).met(1.2, Beside(run=1.0))
    assert not Target(of_run=1.25).met(1.3, Beside(run=1.0))
    assert Target(of_run=1.25).met(9.0, Beside()), "nothing was measured beside it"
