"""The checks that compare an image with an earlier one, or with a baseline's figures."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from inspector.facts import ImageFacts, Size
from inspector.policy.comparison import Figures, figures_of, parse_growth
from inspector.policy.findings import Earlier
from inspector.policy.judge import judge
from inspector.policy.model import Result
from inspector.policy.rules.against import AGAINST, MAX_ADDED
from inspector.policy.selection import Checks
from inspector.unknown import Unknown
from tests.policy.cases import CPU, CUDA, ROCM, glanced, image, installed, role

OURS = ("against", "growth", "changed-build", "added-packages")
BEFORE = image(
    CPU, size=Size(1_000_000_000, None), distributions=(installed("torch", "2.6.0"), installed("numpy", "2"))
)
UNREAD = Earlier("api:1", Unknown("no such image"))


def compared(after: ImageFacts, before: ImageFacts | Earlier = BEFORE, **stated: object) -> Result:
    """The verdict on an image that is compared with one before."""
    earlier = before if isinstance(before, Earlier) else Earlier("api:1", figures_of(before))
    return judge(after, role(**stated), earlier=(earlier,))


def outcomes(result: Result) -> dict[tuple[str, str], str]:
    """The outcomes of these checks that are no pass, by check and subject."""
    ours = (each for each in result.findings if each.check in OURS and each.outcome != "pass")
    return {(each.check, each.subject or ""): each.outcome for each in ours}


def sized(size: int | None) -> ImageFacts:
    """The same image of another size."""
    return replace(BEFORE, size=Size(size, None))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (BEFORE, {}),
        (sized(1_010_000_000), {}),
        (sized(1_010_000_001), {("growth", "size"): "fail"}),
        (sized(1), {}),
        (sized(None), {("growth", "size"): "unknown"}),
        (replace(BEFORE, torch=replace(CPU, stack_size=2 * 10**9)), {("growth", "torch stack"): "fail"}),
        (replace(BEFORE, torch=replace(CPU, stack_size=None)), {("growth", "torch stack"): "unknown"}),
        (replace(BEFORE, torch=CUDA), {("changed-build", "build"): "fail"}),
        (replace(BEFORE, torch=replace(CPU, build="unknown")), {("changed-build", "build"): "unknown"}),
        (
            replace(BEFORE, distributions=(*BEFORE.distributions, installed("Foo_Bar", "1"))),  # type: ignore[misc]  # known
            {("added-packages", "foo-bar"): "warn"},
        ),
        (replace(BEFORE, distributions=()), {}),
        (replace(BEFORE, distributions=Unknown("single files")), {("added-packages", ""): "unknown"}),
        (replace(BEFORE, metadata_unread=("x/METADATA",)), {("added-packages", ""): "unknown"}),
    ],
)
def test_what_got_worse(after: ImageFacts, expected: dict[tuple[str, str], str]) -> None:
    assert outcomes(compared(after)) == expected


def test_single_files_leave_the_comparison_open() -> None:
    found = outcomes(compared(glanced(CPU)))
    assert found[("growth", "torch stack")] == found[("added-packages", "")] == "unknown"


def test_an_image_that_was_not_read_is_told_once_and_never_passes() -> None:
    found = compared(BEFORE, UNREAD)
    assert found.outcome == "unknown"
    assert outcomes(found) == {("against", ""): "unknown"}
    assert judge(BEFORE, role(against="api:1")).outcome == "unknown", "nobody compared"
    for ignored in (("against",), ("growth",), ("growth", "changed-build")):
        ignoring = role(checks=Checks(ignore=tuple(each for each in ignored if each != "against")))
        assert judge(BEFORE, ignoring, earlier=(UNREAD,)).outcome == "unknown"


def test_a_role_that_ignores_all_of_it_compares_nothing() -> None:
    checks = Checks(ignore=("growth", "changed-build", "added-packages"))
    assert outcomes(judge(BEFORE, role(against="api:1", checks=checks), earlier=(UNREAD,))) == {}


def test_what_the_role_states_is_right_whatever_was_before() -> None:
    after = replace(BEFORE, torch=CUDA)
    assert ("changed-build", "build") not in outcomes(compared(after, torch="cuda"))
    newer = replace(BEFORE, torch=replace(CUDA, cuda="12.6"))
    assert outcomes(compared(newer, after, torch="cuda")) == {("changed-build", "build"): "fail"}
    assert outcomes(compared(newer, after, torch="cuda", cuda=">=12.4,<13")) == {}
    assert outcomes(
        compared(replace(BEFORE, torch=replace(ROCM, hip="7.0")), replace(BEFORE, torch=ROCM), torch="rocm")
    )


def test_a_build_that_the_role_does_not_want_is_compared() -> None:
    """A baseline may know that torch is there; it does not know another build."""
    assert outcomes(compared(replace(BEFORE, torch=CUDA), torch="absent"))[("changed-build", "build")] == "fail"
    assert outcomes(compared(replace(BEFORE, torch=CUDA), torch="cpu"))[("changed-build", "build")] == "fail"


def test_growth_is_the_roles() -> None:
    assert outcomes(compared(sized(1_100_000_000), growth=parse_growth("10 %"))) == {}
    assert outcomes(compared(sized(1_100_000_001), growth=parse_growth("10 %"))) != {}
    assert outcomes(compared(sized(1_050_000_000), growth=parse_growth("50 MB"))) == {}


def test_required_packages_are_not_added() -> None:
    after = replace(
        BEFORE, distributions=(installed("torch", "2.6.0"), installed("pip", "1"), installed("Foo.Bar", "1"))
    )
    assert set(outcomes(compared(after, require=("pip", "foo_bar>=0")))) == set()


def test_many_added_packages_are_told_together() -> None:
    more = tuple(installed(f"p{at:02}", "1") for at in range(40))
    found = [each for each in compared(replace(BEFORE, distributions=more)).findings if each.check == "added-packages"]
    assert len(found) == MAX_ADDED + 1
    assert found[-1].subject == ", ".join(f"p{at:02}" for at in range(MAX_ADDED, 40))
    assert "and 15 more" in found[-1].message


def test_a_baseline_has_subjects_of_its_own() -> None:
    figures = Figures(build="cpu", python="3.11", size=5, stack_size=5, packages=1)
    both = (Earlier("api:1", figures_of(BEFORE)), Earlier("the baseline", figures, is_baseline=True))
    found = judge(sized(2 * 10**9), role(), earlier=both)
    assert {subject for check, subject in outcomes(found) if check == "growth"} >= {"size", "size (baseline)"}
    assert len({each.id for each in found.findings}) == len(found.findings)
    assert outcomes(found)[("added-packages", "count (baseline)")] == "warn"


def test_braces_in_names_are_text() -> None:
    found = compared(sized(2 * 10**9), Earlier("{image}{0}{", figures_of(BEFORE)))
    advice = next(each.advice for each in found.findings if each.check == "growth" and each.outcome == "fail")
    assert "`inspector diff {image}{0}{ ktrdr-backend:prod`" in advice


def test_without_anything_earlier_there_is_nothing_to_say() -> None:
    assert not [each for each in judge(BEFORE, role()).findings if each.check in OURS]
    assert role()[AGAINST] is None
