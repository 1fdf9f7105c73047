"""Waivers, baselines and earlier images in `check` and in audits: what is read, and that nothing hides behind them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from msgspec.structs import replace

from fixtures.forms import FORMS
from fixtures.roles import right_images
from fixtures.wrong import wrong_images
from inspector.pipeline import Options, check, earlier
from inspector.pipeline.model import Seen
from inspector.policy.model import ErrorFact
from inspector.policy.role import Policy, Role, Waiver
from inspector.reference import parse_reference
from inspector.testing.registry import FakeRegistry
from inspector.unknown import Unknown
from tests.pipeline.conftest import POLICY, Auditor

RIGHT = right_images()
API, GPU = RIGHT["backend-prod"], RIGHT["worker-gpu"]
LAST_DAY = dt.date(2027, 3, 31)
BEFORE, AFTER = dt.date(2027, 1, 1), dt.date(2027, 4, 1)


def waiving(*checks: str) -> Policy:
    """The policy of the audits, with waivers for these checks."""
    waivers = tuple(Waiver(check=each, reason="for now", expires=LAST_DAY) for each in checks)
    return replace(POLICY, waivers=waivers)


def test_an_audit_waives_as_check_does(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/api", "1", GPU)
    waived = audit("team/api", policy=waiving("torch"), today=BEFORE).results["team/api:1"]
    assert (waived.outcome, waived.waived) == ("warn", 1)
    ended = audit("team/api", policy=waiving("torch"), today=AFTER).results["team/api:1"]
    assert (ended.outcome, ended.waived) == ("fail", 0)


def test_an_audit_warns_of_waivers_that_end(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/api", "1", GPU)
    done = audit("team/api", policy=waiving("torch"), today=LAST_DAY)
    assert any("ends today" in each for each in done.ended.warnings)


def test_layers_are_read_where_only_a_waiver_keeps_the_manifest_from_failing(
    fake: FakeRegistry, audit: Auditor
) -> None:
    """The manifest alone fails the image; once that is waived, what its layers hold decides."""
    fake.push("team/small", "1", GPU)
    failed = audit("team/small", today=BEFORE).results["team/small:1"]
    assert (failed.outcome, failed.torch) == ("fail", None)
    waived = audit("team/small", policy=waiving("compressed-size"), today=BEFORE).results["team/small:1"]
    assert waived.torch is not None
    assert waived.outcome == "fail"
    assert {each.check: each.outcome for each in waived.findings if each.outcome in ("fail", "waived")} == {
        "torch": "fail",
        "compressed-size": "waived",
    }


def test_an_audit_compares_nothing_and_says_so(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/api", "1", API)
    roles = tuple(role.replaced(against="team/api:0") if role.name == "api" else role for role in POLICY.roles)
    done = audit("team/api", policy=replace(POLICY, roles=roles))
    assert done.outcomes == {"team/api:1": "pass"}
    assert any("`against` of api: not compared" in each for each in done.ended.warnings)


def write(folder: Path, name: str, *images: object) -> str:
    """Save the images to a file."""
    FORMS["docker-25"](folder / name, list(images))  # type: ignore[arg-type]  # images of fixtures
    return str(folder / name)


def test_the_image_of_the_same_repository_is_chosen_of_several(tmp_path: Path) -> None:
    before = write(tmp_path, "before.tar", API, RIGHT["worker-cpu"], GPU)
    after = write(tmp_path, "after.tar", API)
    policy = Policy(roles=(Role(name="api", match=("*",), torch="absent"),))
    (result,) = check([after], policy, Options(against=before)).results
    assert result.outcome == "pass", result.findings
    other = write(tmp_path, "other.tar", RIGHT["worker-cpu"], GPU)
    (result,) = check([after], policy, Options(against=other)).results
    assert result.outcome == "unknown"
    assert any("name one" in each.message for each in result.findings if each.check == "against")


def test_an_image_is_not_chosen_because_another_one_cannot_be_read(tmp_path: Path) -> None:
    policy = Policy(roles=(Role(name="api", match=("*",), torch="absent"),))
    paths = [write(tmp_path, "api.tar", API), write(tmp_path, "worker.tar", RIGHT["worker-cpu"])]
    api, worker = (result.facts for result in check(paths, policy, Options()).results)
    assert api is not None
    assert worker is not None
    unread = Seen("other.tar", error=ErrorFact("malformed", "damaged"))
    asked = earlier._Asked(parse_reference("other.tar"), "python")
    found = earlier._chosen(asked, [Seen("other.tar", worker), unread], api)
    assert found.figures == Unknown("damaged")
    assert not isinstance(earlier._chosen(asked, [Seen("other.tar", api), unread], api).figures, Unknown)


def test_each_role_has_its_own_earlier_image(tmp_path: Path) -> None:
    wrong = wrong_images()["backend-with-torch"].image
    before = write(tmp_path, "before.tar", API)
    after = write(tmp_path, "after.tar", wrong)
    roles = (Role(name="api", match=("*",), against=before), Role(name="free", match=("*",)))
    policy = Policy(roles=(roles[0],))
    (result,) = check([after], policy, Options()).results
    assert {each.check for each in result.findings if each.outcome == "fail"} == {"changed-build"}
    (result,) = check([after], Policy(roles=(roles[1],)), Options()).results
    assert result.outcome == "pass"
    ignoring = Options(ignore=("growth", "changed-build", "added-packages"))
    (result,) = check([after], policy, ignoring).results
    assert result.outcome == "pass", "what nobody compares is not read"


def test_the_python_of_the_role_is_asked_of_both(tmp_path: Path) -> None:
    image = write(tmp_path, "image.tar", RIGHT["worker-cpu"])
    policy = Policy(roles=(Role(name="cpu", match=("*",), torch="cpu", python_command="python3"),))
    (result,) = check([image], policy, Options(against=image)).results
    assert result.outcome == "pass", result.findings
