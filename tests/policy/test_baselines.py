"""Baselines: what is written is read back, what is known fails nothing, and nothing is loosened without a reason."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspector.errors import UsageError
from inspector.facts import Size
from inspector.policy.baselines import (
    Baseline,
    Known,
    Measured,
    Place,
    baseline_of,
    gone_of,
    load_baseline,
    measured,
    rounded_up,
)
from inspector.policy.excuses import Excuses
from inspector.policy.judge import judge
from inspector.policy.model import Result
from inspector.policy.tightening import Updated, updated
from inspector.report.document import render_baseline
from tests.effort import examples
from tests.policy.cases import CPU, CUDA, LAYERS, image, installed, role
from tests.policy.test_waivers import finding, result

TODAY = dt.date(2027, 1, 10)
ROLES = ["api"]
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
SIZES = st.none() | st.integers(0, 10**13)
KNOWN = st.builds(
    Known,
    role=TEXT,
    image=TEXT,
    check=TEXT.map("x".__add__),
    subject=TEXT,
    finding=TEXT,
    outcome=st.sampled_from(["fail", "warn"]),
    accepted=TEXT,
)
MEASURED = st.builds(
    Measured,
    role=TEXT,
    image=TEXT,
    digest=TEXT,
    build=st.none() | TEXT,
    accelerator=st.none() | TEXT,
    python=st.none() | TEXT,
    size=SIZES,
    stack_size=SIZES,
    packages=SIZES,
    accepted=TEXT,
)


def entries() -> st.SearchStrategy[list[Known | Measured]]:
    """Entries of which none is there twice."""
    return st.lists(
        KNOWN | MEASURED, unique_by=lambda each: (each.place, each.finding if isinstance(each, Known) else None)
    )


def update(old: Baseline | None, *results: Result, accept: str = "") -> Updated:
    """The next baseline, from results that were checked with the old one."""
    excuses = Excuses((), TODAY, old or Baseline())
    return updated(old, [excuses.excuse(each) for each in results], ROLES, accept)


@examples(100)
@given(entries=entries())
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Known | Measured]
) -> None:
    written = baseline_of(entries)
    path = tmp_path_factory.getbasetemp() / "baseline.json"
    path.write_text(render_baseline(written), encoding="utf-8")
    assert load_baseline(path) == written
    assert render_baseline(load_baseline(path)) == path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8").replace("\n", "").isprintable()


@examples(50)
@given(entries=entries(), seed=st.randoms(use_true_random=False))
def test_the_order_of_entries_is_no_matter(entries: list[Known | Measured], seed: st.DataObject) -> None:
    shuffled = list(entries)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert render_baseline(baseline_of(shuffled)) == render_baseline(baseline_of(entries))


OUTCOMES = st.sampled_from(["pass", "warn", "unknown", "fail"])


@examples(100)
@given(before=st.lists(OUTCOMES, max_size=5), after=st.lists(OUTCOMES, max_size=5))
def test_a_baseline_only_tightens(before: list, after: list) -> None:  # type: ignore[type-arg]  # of outcomes
    old, new = (result(*(finding("forbid", each, f"p{at}") for at, each in enumerate(run))) for run in (before, after))
    first = update(None, old).baseline
    second = update(first, new)
    known = {each.finding: each for own in second.baseline.findings.values() for each in own.values()}
    assert known.keys() <= {each.finding for own in first.findings.values() for each in own.values()}
    bad = [each for each in new.findings if each.outcome in ("fail", "warn")]
    worse = {each.id for each in bad if each.id not in known or not known[each.id].covers(each)}
    assert {each.finding.id for each in second.refused} == worse
    assert update(second.baseline, new).baseline == second.baseline


def test_what_is_known_warns_and_what_is_new_fails() -> None:
    old = update(None, result(finding("forbid", "fail", "pytest"))).baseline
    excuses = Excuses((), TODAY, old)
    same = excuses.excuse(result(finding("forbid", "fail", "pytest"), image="api:2.0"))
    assert (same.outcome, same.known) == ("warn", 1)
    other = excuses.excuse(result(finding("forbid", "fail", "pytest"), finding("forbid", "fail", "ruff")))
    assert [each.outcome for each in other.findings] == ["known", "fail"]
    assert excuses.excuse(result(finding("forbid", "unknown", "pytest"))).outcome == "unknown"
    assert excuses.excuse(result(finding("forbid", "fail", "pytest"), image="other:1")).outcome == "fail"


def test_a_warning_that_becomes_a_failure_is_not_known() -> None:
    old = update(None, result(finding("size", "warn"))).baseline
    assert Excuses((), TODAY, old).excuse(result(finding("size", "warn"))).outcome == "warn"
    failed = result(finding("size", "fail"))
    assert Excuses((), TODAY, old).excuse(failed).outcome == "fail"
    assert [each.finding.check for each in update(old, failed).refused] == ["size"]
    taken = update(old, failed, accept="new model").baseline
    assert Excuses((), TODAY, taken).excuse(failed).outcome == "warn"


def test_a_waiver_comes_before_the_baseline() -> None:
    from tests.policy.test_waivers import WAIVER

    old = update(None, result(finding("forbid", "fail"))).baseline
    assert Excuses((WAIVER,), TODAY, old).excuse(result(finding("forbid", "fail"))).findings[0].outcome == "waived"
    ended = replace(WAIVER, expires=dt.date(2026, 1, 1))
    assert Excuses((ended,), TODAY, old).excuse(result(finding("forbid", "fail"))).findings[0].outcome == "known"


def test_what_is_gone_is_removed_unless_it_is_unknown() -> None:
    old = update(None, result(finding("forbid", "fail", "a"), finding("size", "fail"))).baseline
    mended = result(finding("forbid", "pass", "a"), finding("size", "unknown"))
    assert [each.check for each in gone_of(old, [mended])] == ["forbid"]
    found = update(old, mended)
    assert [each.check for each in found.removed] == ["forbid"]
    assert [each.check for own in found.baseline.findings.values() for each in own.values()] == ["size"]
    unread = replace(result(finding("image", "unknown")), facts=None)
    assert update(old, unread).baseline == old
    assert gone_of(old, [result(finding("forbid", "pass", "a"), image="other:1")]) == []


def test_more_is_known_for_a_reason_that_is_kept() -> None:
    old = update(None, result(finding("forbid", "fail", "a"))).baseline
    both = result(finding("forbid", "fail", "a"), finding("forbid", "fail", "b"))
    refused = update(old, both)
    assert refused.baseline == old
    assert [each.finding.subject for each in refused.refused] == ["b"]
    taken = update(old, both, accept="until #12")
    assert not taken.refused
    known = Excuses((), TODAY, taken.baseline).excuse(both)
    assert [each.accepted for each in known.findings] == ["", "until #12"]


def test_a_role_that_is_gone_takes_its_entries_along() -> None:
    old = update(None, result(finding("forbid", "fail"))).baseline
    found = updated(old, [], ["worker"])
    assert found.baseline == Baseline()
    assert len(found.removed) == 1


def test_nothing_unknown_comes_into_a_baseline() -> None:
    found = update(None, result(finding("forbid", "unknown"), finding("evidence", "fail"))).baseline
    assert found.findings == {}


def image_of(size: int, stack: int | None = None) -> Result:
    """The verdict on an image of that size."""
    torch = CPU if stack is None else replace(CPU, stack_size=stack)
    return judge(
        image(torch, size=Size(size, None), distributions=(installed("torch", "2.6.0"),)), role(torch="present")
    )


PLACE = Place("api", "ktrdr-backend")


def test_sizes_shrink_and_are_rounded_up() -> None:
    old = update(None, image_of(1_234_567_890)).baseline
    assert old.images[PLACE].size == 1_240_000_000
    smaller = update(old, image_of(1_000_000_000)).baseline
    assert smaller.images[PLACE].size == 1_000_000_000
    assert update(smaller, image_of(1_005_000_000)).baseline == smaller


def checked_against(old: Baseline, found: Result) -> Result:
    """The same image checked with the figures of a baseline."""
    assert found.facts is not None
    earlier = old.earlier("api", found.image, found.facts)
    assert earlier is not None
    return judge(found.facts, role(torch="present"), earlier=(earlier,))


def test_growth_is_taken_for_a_reason_alone() -> None:
    old = update(None, image_of(1_000_000_000)).baseline
    grown = checked_against(old, image_of(1_200_000_000))
    assert grown.outcome == "fail"
    refused = update(old, grown)
    assert refused.baseline == old
    assert [each.finding.check for each in refused.refused] == ["growth"]
    taken = update(old, grown, accept="new model").baseline
    assert (taken.images[PLACE].size, taken.images[PLACE].accepted) == (1_200_000_000, "new model")
    assert checked_against(taken, image_of(1_200_000_000)).outcome == "pass"


def test_another_build_is_no_tightening() -> None:
    old = update(None, image_of(1_000_000_000)).baseline
    facts = image(CUDA, size=Size(1_000_000_000, None), distributions=(installed("torch", "2.6.0"),))
    changed = checked_against(old, judge(facts, role(torch="present")))
    assert [each.check for each in changed.findings if each.outcome == "fail"] == ["changed-build"]
    assert update(old, changed).baseline.images[PLACE].build == "cpu"


def test_several_images_of_one_repository_are_within_one_entry() -> None:
    both = update(None, image_of(1_000_000_000), image_of(2_000_000_000)).baseline
    assert both.images[PLACE].size == 2_000_000_000
    facts = image(CUDA, size=Size(1, None))
    mixed = update(None, image_of(5), judge(facts, role(torch="present"))).baseline
    assert mixed.images[PLACE].build is None
    assert checked_against(mixed, image_of(5)).outcome == "pass", "what is left out is not compared"


@given(st.integers(0, 10**15))
def test_rounded_sizes_are_never_less_and_little_more(size: int) -> None:
    rounded = rounded_up(size)
    assert rounded is not None
    assert size <= rounded <= size + size // 99 + 1


def test_hostile_names_stay_one_line_each(tmp_path: Path) -> None:
    name = 'a\n\x1b[31m\u202e\udcff"b'
    wrong = judge(image(CPU, tags=(name,), layers=LAYERS), role(name="api", torch="absent"))
    found = update(None, wrong).baseline
    text = render_baseline(found)
    assert text.count("\n") == 3 + len(found.findings[next(iter(found.images))])
    path = tmp_path / "b.json"
    path.write_text(text, encoding="utf-8")
    assert Excuses((), TODAY, load_baseline(path)).excuse(wrong).known == wrong.findings.__len__() - sum(
        each.outcome == "pass" for each in wrong.findings
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid baseline"),
        ("[]", "invalid baseline"),
        ('{"schema":"inspector-baseline/2","images":[]}', "'inspector-baseline/1' was expected"),
        ('{"schema":"inspector-baseline/1","images":[7]}', "images[0]"),
        ('{"schema":"inspector-baseline/1","images":[{"role":"a"}]}', "missing required field `image`"),
        ('{"schema":"inspector-baseline/1","images":[{"role":"a","image":"b","sise":1}]}', "unknown field `sise`"),
        ('{"schema":"inspector-baseline/1","images":[{"role":"a","image":"b","size":-1}]}', "-1 is no size"),
        ('{"schema":"inspector-baseline/1","images":[{"role":"a","image":"b"},{"role":"a","image":"b"}]}', "twice"),
        (
            '{"schema":"inspector-baseline/1","images":[{"role":"a","image":"b","check":"image","finding":"c"}]}',
            "can't be known",
        ),
        ('{"schema":"inspector-baseline/1","images":' + "[" * 100_000, "invalid baseline"),
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        load_baseline(path)
    assert message in str(raised.value)


def test_a_missing_baseline_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        load_baseline(tmp_path / "none.json")


def test_an_image_in_no_role_is_not_measured() -> None:
    assert measured(replace(image_of(5), role=None)) is None
