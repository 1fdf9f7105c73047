"""Which checks count: `--select` and `--ignore`, and what neither can leave out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from inspector.errors import UsageError
from inspector.facts import Evidence
from inspector.oci import Platform
from inspector.policy.judge import judge, judge_manifest
from inspector.policy.needs import needs_run, packages_needed
from inspector.policy.role import Role
from inspector.policy.selection import ALWAYS, Checks
from tests.policy.cases import CPU, CUDA, NO_TORCH, image, role

KNOWN = ("evidence", "torch", "torch-build", "size", "forbid")


@pytest.mark.parametrize(
    ("select", "ignore", "taken"),
    [
        ((), (), {"torch", "torch-build", "size", "forbid"}),
        (("torch",), (), {"torch"}),
        ((), ("torch",), {"torch-build", "size", "forbid"}),
        (("torch", "size"), ("size",), {"torch"}),
    ],
)
def test_what_counts(select: tuple[str, ...], ignore: tuple[str, ...], taken: set[str]) -> None:
    checks = Checks(select=select, ignore=ignore)
    checks.verify(KNOWN)
    assert {check for check in KNOWN if checks.take(check)} == taken | {"evidence"}


@pytest.mark.parametrize(
    ("checks", "says"),
    [
        (Checks(select=("tsize",)), "unknown check 'tsize'; did you mean 'size'?"),
        (Checks(ignore=("tsize",)), "unknown check 'tsize'; did you mean 'size'?"),
        (Checks(select=("size",), ignore=("size",)), "all that is selected is ignored"),
        *((Checks(ignore=(each,)), f"the check {each!r} can't be ignored") for each in ALWAYS),
    ],
)
def test_what_is_refused(checks: Checks, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        checks.verify(KNOWN)
    assert says in str(refused.value)


def checked(wanted: Role, **checks: tuple[str, ...]) -> Role:
    return wanted.replaced(checks=Checks(**checks))


def test_what_is_ignored_neither_counts_nor_shows() -> None:
    wanted = role(torch="cuda")
    assert judge(image(CPU), wanted).outcome == "fail"
    result = judge(image(CPU), checked(wanted, ignore=("torch-build",)))
    assert result.outcome == "pass"
    assert "torch-build" not in {finding.check for finding in result.findings}


def test_only_what_is_selected_counts() -> None:
    result = judge(image(CUDA), checked(role(torch="absent", torch_version=">=1"), select=("torch",)))
    assert {finding.check for finding in result.findings} == {"evidence", "torch"}
    assert result.outcome == "fail"


def test_nothing_passes_that_was_not_read() -> None:
    unread = Evidence(bytes_read=0, layers_read=0, layers_cached=0, digests_verified=False, how="")
    result = judge(replace(image(CPU), evidence=unread), checked(role(torch="cpu"), select=("torch",)))
    assert result.outcome == "unknown"


def test_nothing_passes_because_no_selected_check_answers() -> None:
    """The build of a torch that isn't there is no check passed."""
    result = judge(image(NO_TORCH), checked(role(torch="cpu"), select=("torch-build",)))
    assert result.outcome == "unknown"
    assert "none of the selected checks" in result.findings[0].message
    assert judge(image(NO_TORCH), checked(role(), select=("torch-build",))).outcome == "pass"


def test_a_manifest_check_that_is_ignored_does_not_decide() -> None:
    wanted = role(platform=Platform("linux", "s390x"))
    assert judge_manifest(image(CPU), wanted, image="a") is not None
    assert judge_manifest(image(CPU), checked(wanted, ignore=("platform",)), image="a") is None


def test_what_is_ignored_needs_nothing() -> None:
    wanted = role(torch="cuda", forbid=("triton",), cuda_runtime="demand")
    assert packages_needed(wanted)
    assert needs_run(wanted)
    free = checked(wanted, ignore=("forbid", "cuda-runtime"))
    assert packages_needed(free) == ""
    assert not needs_run(free)
