"""One budget an image: what is spent from it, how it refuses, and how users raise it."""

from __future__ import annotations

import pytest

from fixtures.torches import torch_cpu
from inspector.errors import InspectorError, LimitExceeded, UsageError
from inspector.python.distributions import find_distributions
from inspector.python.interpreter import find_interpreter
from inspector.torchbuild import find_torch
from inspector.work import Bounds, Budget, Stopped, Token, stated_bounds
from tests.support import config_of, few, rootfs_of
from tests.torchbuild.asking import ENV, slim


def test_what_is_left_may_be_spent_to_the_last() -> None:
    budget = few(steps=10)
    budget.spend("steps", 10, "names")
    budget.check()
    with pytest.raises(LimitExceeded, match=r"more than 10 steps \(names\).*INSPECTOR_LIMITS=steps=20"):
        budget.spend("steps", 1, "names")


@pytest.mark.parametrize("bound", Bounds._fields)
def test_once_refused_everything_is(bound: str) -> None:
    budget = few(**{bound: 5})
    with pytest.raises(LimitExceeded):
        budget.spend(bound, 6, "first")  # type: ignore[arg-type]
    for other in Bounds._fields:
        with pytest.raises(LimitExceeded, match=rf"more than 5 {bound} \(first\)"):
            budget.spend(other, 0, "later")  # type: ignore[arg-type]
    with pytest.raises(LimitExceeded):
        budget.check()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Bounds()),
        ("steps=7", Bounds(steps=7)),
        (" entries=2000000 , bytes=1,", Bounds(entries=2_000_000, bytes=1)),
        ("steps=1,steps=2", Bounds(steps=2)),
    ],
)
def test_bounds_that_users_state(text: str, expected: Bounds) -> None:
    assert stated_bounds({"INSPECTOR_LIMITS": text}) == expected
    assert stated_bounds({}) == Bounds()


@pytest.mark.parametrize(
    "text", ["steps", "steps=", "steps=-1", "steps=1e6", "lookups=1", "steps=٣", f"steps={'9' * 19}"]
)
def test_bounds_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="write entries, bytes, steps as in"):
        stated_bounds({"INSPECTOR_LIMITS": text})


def test_the_environment_raises_and_lowers_an_image_s_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_LIMITS", "steps=3")
    with pytest.raises(LimitExceeded, match="more than 3 steps"):
        rootfs_of({"a/b/c/d": b""}).lstat("/a/b/c/d")
    monkeypatch.setenv("INSPECTOR_LIMITS", "steps=300")
    assert rootfs_of({"a/b/c/d": b""}).lstat("/a/b/c/d") is not None


def test_long_work_looks_for_the_stop() -> None:
    token, budget = Token(), Budget()
    with token.entered():
        token.stop()
        with pytest.raises(Stopped):
            budget.spend("steps", 2000, "names")


@pytest.mark.parametrize("bound", Bounds._fields)
def test_an_ordinary_image_takes_a_small_part_of_each_bound(bound: str) -> None:
    """And one with a tenth of what it takes is refused, whichever caller meets the bound first."""
    config = config_of(env=ENV)

    def look(budget: Budget) -> str:
        fs = rootfs_of(slim(torch_cpu()), budget=budget)
        interpreter, _ = find_interpreter(fs, config)
        torch, _, _ = find_torch(fs, config, interpreter, find_distributions(fs, interpreter)[0])
        budget.check()
        return torch.importable

    assert look(few(**{bound: getattr(Bounds(), bound) // 50})) == "yes"
    for most in (0, 5, 50, 500):
        with pytest.raises(InspectorError, match=f"more than {most} {bound}"):
            look(few(**{bound: most}))
