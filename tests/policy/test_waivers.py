"""Waivers: what a policy may say of them, and what they let pass, on which day, and never."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspector.errors import PolicyError
from inspector.policy.excuses import Excuses
from inspector.policy.findings import role_finding
from inspector.policy.identity import identified
from inspector.policy.judge import outcome_of
from inspector.policy.load import load_policy
from inspector.policy.model import Finding, FindingOutcome, Result
from inspector.policy.role import Waiver
from inspector.policy.selection import ALL, Checks
from tests.effort import examples
from tests.policy.cases import IMAGE

TODAY = dt.date(2027, 1, 10)
WAIVER = Waiver(check="forbid", reason="smoke test", expires=dt.date(2027, 3, 31))
ROLES = "[roles.api]\ntorch = 'absent'\n[roles.worker]\ntorch = 'cpu'\n"


def load(tmp_path: Path, text: str) -> tuple[Waiver, ...]:
    """The waivers of a policy with these lines."""
    path = tmp_path / "inspector.toml"
    path.write_text(ROLES + text, encoding="utf-8")
    return load_policy(path).waivers


def finding(check: str, outcome: FindingOutcome, subject: str | None = None) -> Finding:
    """A finding of that outcome."""
    return Finding(check=check, outcome=outcome, message=f"{check} it is", subject=subject)


def result(*findings: Finding, image: str = "api:prod", role: str | None = "api") -> Result:
    """The result of an image that was read."""
    own = identified(findings, role, image)
    return Result(image=image, role=role, outcome=outcome_of(own), findings=own, facts=replace(IMAGE, tags=(image,)))


def excused(*findings: Finding, waivers: tuple[Waiver, ...] = (WAIVER,), today: dt.date = TODAY) -> Result:
    """What becomes of the findings."""
    return Excuses(waivers, today).excuse(result(*findings))


def test_waivers_are_for_all_roles_some_or_one(tmp_path: Path) -> None:
    one = "check = 'forbid'\nreason = 'r'\nexpires = 2027-01-31\n"
    text = f"[[waivers]]\n{one}[[waivers]]\n{one}roles = ['api']\nsubject = 'nvidia-*'\nimages = ['api:*']\n"
    everywhere, some, own = load(tmp_path, f"{text}[[roles.worker.waivers]]\n{one}")
    assert everywhere == Waiver(check="forbid", reason="r", expires=dt.date(2027, 1, 31))
    assert (some.roles, some.images, some.subject) == (("api",), ("api:*",), "nvidia-*")
    assert own.roles == ("worker",)


@pytest.mark.parametrize(
    ("lines", "place", "message"),
    [
        ("check = 'forbidden'", "6:9", "no check 'forbidden'; did you mean 'forbid'?"),
        ("check = 'evidence'", "6:9", "'evidence' can't be waived"),
        ("check = 'image'", "6:9", "'image' can't be waived"),
        ("check = 'forbid'\nroles = ['wroker']", "7:10", "no role 'wroker'; did you mean 'worker'?"),
        ("check = 'forbid'\nsubject = ''", "7:11", "is no pattern"),
        ("check = 'forbid'\nimages = ['[']", "7:11", "a '[' without its ']'"),
        ("check = 'forbid'\nsubjct = 'x'", "7:1", "did you mean 'subject'?"),
    ],
)
def test_faults_have_their_place(tmp_path: Path, lines: str, place: str, message: str) -> None:
    with pytest.raises(PolicyError) as raised:
        load(tmp_path, f"[[waivers]]\n{lines}\nreason = 'r'\nexpires = 2027-01-31\n")
    assert f"inspector.toml:{place}: waivers[0]" in str(raised.value)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("check = 'forbid'\nexpires = 2027-01-31", "missing required field `reason`"),
        ("check = 'forbid'\nreason = 'r'", "missing required field `expires`"),
        ("check = 'forbid'\nreason = ' '\nexpires = 2027-01-31", "write in one line why"),
        ("check = 'forbid'\nreason = 'r'\nexpires = 2027-01-31T10:00:00", "a date without quotes"),
        ("check = 'forbid'\nreason = 'r'\nexpires = 'tomorrow'", "a date without quotes"),
        (f"check = 'forbid'\nreason = '{'r' * 501}'\nexpires = 2027-01-31", "at most 500"),
    ],
)
@pytest.mark.parametrize("header", ["[[waivers]]", "[[roles.api.waivers]]"])
def test_a_waiver_needs_a_reason_and_a_last_day(tmp_path: Path, header: str, lines: str, message: str) -> None:
    with pytest.raises(PolicyError, match=r"waivers.0.") as raised:
        load(tmp_path, f"{header}\n{lines}\n")
    assert message in str(raised.value)


def test_all_faults_of_a_waiver_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as raised:
        load(tmp_path, "[[waivers]]\ncheck = 'x'\nreason = ' '\nexpires = 2027-01-31\nroles = ['y', 'z']\n")
    assert len(raised.value.faults) == 4


@pytest.mark.parametrize("outcome", ["fail", "warn"])
def test_a_waived_finding_warns_and_keeps_its_identity(outcome: FindingOutcome) -> None:
    found = excused(finding("forbid", outcome, "pytest"), finding("torch", "pass"))
    assert (found.outcome, found.waived, found.known) == ("warn", 1, 0)
    waived, other = found.findings
    assert waived.outcome == "waived"
    assert waived.waived is not None
    assert (waived.waived.reason, waived.waived.expires) == ("smoke test", "2027-03-31")
    assert waived.id == result(finding("forbid", outcome, "pytest")).findings[0].id
    assert other.outcome == "pass"


def test_what_is_not_waived_still_fails() -> None:
    assert excused(finding("forbid", "fail"), finding("size", "fail")).outcome == "fail"
    assert excused(finding("forbid", "fail"), finding("size", "unknown")).outcome == "unknown"


@pytest.mark.parametrize("check", ["forbid", "evidence", "image", "role", "against"])
def test_nothing_unknown_is_waived(check: str) -> None:
    waiver = replace(WAIVER, check=check)
    assert excused(finding(check, "unknown"), waivers=(waiver,)).findings[0].outcome == "unknown"


@examples(100)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["forbid", "torch", "evidence"]), st.sampled_from(["pass", "warn", "unknown", "fail"])
        )
    )
)
def test_no_waiver_makes_an_image_pass(cases: list[tuple[str, FindingOutcome]]) -> None:
    before = result(*(finding(check, outcome) for check, outcome in cases))
    waivers = tuple(replace(WAIVER, check=check) for check in ("forbid", "torch", "evidence"))
    after = Excuses(waivers, TODAY).excuse(before)
    assert (after.outcome == "pass") == (before.outcome == "pass")
    assert not any(each.outcome == "unknown" for each in before.findings) or after.outcome in ("unknown", "fail")
    assert len(after.findings) == len(before.findings)


@pytest.mark.parametrize(
    ("waiver", "fits"),
    [
        (replace(WAIVER, subject="py*"), True),
        (replace(WAIVER, subject="py"), False),
        (replace(WAIVER, roles=("api", "worker")), True),
        (replace(WAIVER, roles=("worker",)), False),
        (replace(WAIVER, images=("api:*",)), True),
        (replace(WAIVER, images=("*/api:*",)), False),
        (replace(WAIVER, check="require"), False),
    ],
)
def test_all_that_a_waiver_states_must_fit(waiver: Waiver, *, fits: bool) -> None:
    found = excused(finding("forbid", "fail", "pytest"), waivers=(waiver,))
    assert (found.findings[0].outcome == "waived") == fits


def test_a_subject_fits_no_finding_without_one() -> None:
    found = excused(finding("forbid", "fail"), waivers=(replace(WAIVER, subject="*"),))
    assert found.outcome == "fail"


@pytest.mark.parametrize(("today", "outcome"), [(dt.date(2027, 3, 31), "waived"), (dt.date(2027, 4, 1), "fail")])
def test_the_last_day_counts(today: dt.date, outcome: str) -> None:
    found = excused(finding("forbid", "fail"), today=today).findings[0]
    assert found.outcome == outcome
    assert ("its waiver ended on 2027-03-31 (smoke test)" in found.message) == (outcome == "fail")


def test_the_waiver_that_lasts_longest_counts() -> None:
    ended = replace(WAIVER, expires=dt.date(2026, 1, 1), reason="old")
    found = excused(finding("forbid", "fail"), waivers=(ended, WAIVER, ended)).findings[0]
    assert found.waived is not None
    assert found.waived.reason == "smoke test"


@pytest.mark.parametrize(
    ("days", "told"), [(0, "ends today"), (1, "ends in 1 day,"), (14, "ends in 14 days,"), (15, ""), (-1, "")]
)
def test_a_warning_comes_before_the_end(days: int, told: str) -> None:
    excuses = Excuses((WAIVER,), WAIVER.expires - dt.timedelta(days))
    excuses.excuse(result(finding("forbid", "fail")))
    warnings = list(excuses.ending())
    assert told in warnings[0] if told else not warnings


def test_a_waiver_that_fits_nothing_is_stale_unless_something_is_unknown() -> None:
    def stale(*results: Result, checks: Checks = ALL) -> list[str]:
        excuses = Excuses((WAIVER,), TODAY)
        for each in results:
            excuses.excuse(each)
        return list(excuses.stale(checks))

    assert "matches no finding: remove it" in stale(result(finding("forbid", "pass")))[0]
    assert stale(result(finding("forbid", "fail"))) == []
    assert stale(result(finding("forbid", "unknown"))) == []
    assert stale(result(finding("evidence", "unknown"))) == []
    assert stale(replace(result(), facts=None)) == []
    assert stale(replace(result(), role=None, facts=None)) == []
    assert stale(result(finding("forbid", "pass")), checks=Checks(ignore=("forbid",))) == []


def test_an_image_in_no_role_has_no_waiver() -> None:
    lost = replace(result(role_finding("no-role", "none"), role=None), outcome="unknown")
    assert Excuses((replace(WAIVER, check="role"),), TODAY).excuse(lost) == lost
