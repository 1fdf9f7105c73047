"""`check --against`, `check --baseline`, waivers and `inspector baseline`, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import Result

import inspector
from inspector.cli.audit_sink import Sink
from inspector.policy.audited import Audited, Ended, Planned
from inspector.policy.model import Finding, FindingOutcome, Waived
from tests.cli.program import run
from tests.schemas import validate

WAIVER = '\n[[waivers]]\ncheck = "{check}"\nreason = "smoke test, #123"\nexpires = 2027-03-31\n'


@pytest.fixture
def policy(images: Path, tmp_path: Path) -> Path:
    """The roles of the images, in a file that tests add to; its own images are one."""
    text = (images / "roles.toml").read_text(encoding="utf-8")
    path = tmp_path / "roles.toml"
    start, end = text.index("images = ["), text.index("]") + 1
    path.write_text(f'images = ["{images}/wrong/backend-with-torch.tar"]{text[end:]}', encoding="utf-8")
    assert start == 0
    return path


@pytest.fixture
def wrong(images: Path) -> Path:
    """An image of the API role with torch."""
    return images / "wrong" / "backend-with-torch.tar"


def waive(policy: Path, *checks: str) -> None:
    """Add waivers for all findings of these checks."""
    text = policy.read_text(encoding="utf-8")
    policy.write_text(text + "".join(WAIVER.format(check=each) for each in checks), encoding="utf-8")


def document(done: Result) -> dict:  # type: ignore[type-arg]  # as JSON has it
    """The document that was printed, which fits the schema."""
    found: dict = json.loads(done.stdout)  # type: ignore[type-arg]  # as JSON has it
    validate(found)
    return found


def test_what_is_waived_warns_up_to_its_last_day(policy: Path) -> None:
    waive(policy, "torch", "forbid")
    done = run("check", policy, "--today", "2027-01-01", "--format", "json")
    assert done.exit_code == 0, done.output
    found = document(done)
    assert (found["outcome"], found["warnings"], found["stale"]) == ("warn", [], 0)
    (result,) = found["results"]
    assert (result["outcome"], result["waived"], result["known"]) == ("warn", 2, 0)
    waived = [each for each in result["findings"] if each["outcome"] == "waived"]
    assert [each["waived"] for each in waived] == 2 * [{"reason": "smoke test, #123", "expires": "2027-03-31"}]
    assert "2 findings waived in " in done.stderr
    soon = run("check", policy, "--today", "2027-03-30")
    assert soon.exit_code == 0
    assert "ends in 1 day, on 2027-03-31" in soon.stdout
    ended = run("check", policy, "--today", "2027-04-01")
    assert ended.exit_code == 1
    assert "its waiver ended on 2027-03-31" in " ".join(ended.stdout.split())


def test_a_waiver_is_no_warning_to_fail_on(policy: Path) -> None:
    waive(policy, "torch", "forbid")
    assert run("check", policy, "--today", "2027-01-01", "--fail-on", "warn").exit_code == 0


def test_the_date_of_a_build_that_is_reproduced_counts(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waive(policy, "torch", "forbid")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1798761600")  # 2027-01-01
    assert run("check", policy).exit_code == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1830297600")  # 2028-01-01
    assert run("check", policy).exit_code == 1
    assert run("check", policy, "--today", "2027-01-01").exit_code == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    assert run("check", policy).exit_code == 2


def test_a_waiver_that_fits_nothing_is_told_where_all_was_checked(policy: Path, images: Path) -> None:
    waive(policy, "torch", "forbid", "size")
    done = run("check", policy, "--today", "2027-01-01")
    assert done.exit_code == 0
    assert "the waiver of size (smoke test, #123) matches no finding: remove it" in " ".join(done.stdout.split())
    assert run("check", policy, "--today", "2027-01-01", "--strict").exit_code == 1
    one = run("check", policy, images / "backend-prod.tar", "--today", "2027-01-01", "--strict")
    assert one.exit_code == 0, "one image says nothing of the others"


def test_a_faulty_waiver_has_its_line_and_column(policy: Path) -> None:
    waive(policy, "evidence")
    done = run("check", policy)
    assert done.exit_code == 2
    line = policy.read_text(encoding="utf-8").split("\n").index('check = "evidence"') + 1
    assert f"roles.toml:{line}:9: waivers[0], key 'check': 'evidence' can't be waived" in done.stderr


def test_a_baseline_from_first_to_last(policy: Path, wrong: Path, images: Path, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    assert run("check", policy, wrong).exit_code == 1
    written = run("baseline", policy, wrong, "-o", file)
    assert written.exit_code == 0, written.output
    assert "2 known findings of 1 image" in written.stderr
    text = file.read_text(encoding="utf-8")
    assert run("baseline", policy, wrong, "-o", file).exit_code == 0
    assert file.read_text(encoding="utf-8") == text, "nothing changed"
    checked = run("check", policy, wrong, "--baseline", file, "--format", "json")
    assert checked.exit_code == 0
    assert [each["known"] for each in document(checked)["results"]] == [2]
    assert run("check", policy, wrong, "--baseline", file, "--fail-on", "warn").exit_code == 0
    mended = run("check", policy, images / "backend-prod.tar", "--baseline", file)
    assert "2 known findings are gone: forbid nvidia-*, torch" in mended.stdout
    assert run("check", policy, images / "backend-prod.tar", "--baseline", file, "--strict").exit_code == 1
    tightened = run("baseline", policy, images / "backend-prod.tar", "-o", file)
    assert tightened.exit_code == 0
    assert "removed: torch of ktrdr-backend in api" in tightened.stderr
    assert run("check", policy, wrong, "--baseline", file).exit_code == 1
    refused = run("baseline", policy, wrong, "-o", file)
    assert refused.exit_code == 1
    assert "not taken; mend it, or state why with --accept" in refused.stderr
    assert run("baseline", policy, wrong, "-o", file, "--accept", "until #12").exit_code == 0
    assert '"accepted":"until #12"' in file.read_text(encoding="utf-8")
    assert run("check", policy, wrong, "--baseline", file).exit_code == 0


def test_what_can_not_be_read_is_in_no_baseline(policy: Path, wrong: Path, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    done = run("baseline", policy, "none.tar", "-o", file)
    assert (done.exit_code, file.exists()) == (3, False)
    some = run("baseline", policy, wrong, "none.tar", "-o", file)
    assert (some.exit_code, file.exists()) == (3, True)
    assert "none.tar: not in the baseline" in some.stderr
    assert run("check", policy, "none.tar", "--baseline", file).exit_code == 3


@pytest.mark.parametrize("content", [None, "", "{}", '{"schema":"inspector-baseline/9","images":[]}'])
def test_a_baseline_that_is_none_is_wrong_usage(policy: Path, wrong: Path, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "baseline.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    assert run("check", policy, wrong, "--baseline", file).exit_code == 2
    assert run("baseline", policy, wrong, "-o", file, "--accept", " ").exit_code == 2


def test_an_earlier_image(policy: Path, images: Path) -> None:
    same = run("check", policy, images / "backend-prod.tar", "--against", images / "backend-prod.tar")
    assert same.exit_code == 0, same.output
    worse = run("check", policy, images / "backend-dev.tar", "--against", images / "backend-prod.tar", "-f", "json")
    found = {each["check"]: each["outcome"] for each in document(worse)["results"][0]["findings"]}
    assert found["added-packages"] == "warn"
    missing = run("check", policy, images / "backend-prod.tar", "--against", "none.tar")
    assert missing.exit_code == 3
    assert "not compared with none.tar" in missing.stdout
    assert run("check", policy, images / "backend-prod.tar", "--against", "oci:").exit_code == 2


def test_a_role_names_its_earlier_image_beside_the_policy(policy: Path, images: Path) -> None:
    text = policy.read_text(encoding="utf-8")
    own = images / "with-against.toml"
    for against, code in (("backend-prod.tar", 0), ("nothing.tar", 3)):
        stated = f'[roles.api]\nagainst = "{against}"\ngrowth = "2.5 %"'
        own.write_text(text.replace("[roles.api]", stated), encoding="utf-8")
        done = run("check", own, images / "backend-prod.tar")
        assert done.exit_code == code, done.output
    own.unlink()


@pytest.mark.parametrize(
    ("line", "message"),
    [("growth = '5'", "no growth"), ("against = ''", "empty image name"), ("growth = 5", "a percentage or a size")],
)
def test_faults_of_these_keys(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(f"[roles.api]\ntorch = 'cpu'\n{line}\n", encoding="utf-8")
    done = run("check", path, "x.tar")
    assert done.exit_code == 2
    assert "roles.toml:3:" in done.stderr
    assert message in done.stderr


def test_every_format_counts_what_is_waived(policy: Path) -> None:
    waive(policy, "torch", "forbid")
    for form in ("table", "markdown"):
        assert "2 findings waived" in run("check", policy, "--today", "2027-01-01", "-f", form).stdout
    suites = ET.fromstring(run("check", policy, "--today", "2027-01-01", "-f", "junit").stdout)
    assert (suites.get("failures"), suites.get("skipped")) == ("0", "2")


def test_from_python(policy: Path, wrong: Path, images: Path, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    run("baseline", policy, wrong, "-o", file)
    report = inspector.check(wrong, policy, baseline=file)
    assert repr(report) == "<Report warn: 1 image, 1 warn, 2 known>"
    against = inspector.check(images / "backend-prod.tar", policy, against=images / "none.tar")
    assert against.outcome == "unknown"
    with pytest.raises(inspector.errors.UsageError):
        inspector.check(wrong, policy, baseline=tmp_path / "none.json")
    with pytest.raises(inspector.errors.UsageError, match="is not a condition"):
        inspector.diff(wrong, wrong, fail_on="size")


@pytest.mark.parametrize(("outcome", "code"), [("waived", 0), ("warn", 1)])
def test_an_audit_fails_on_warnings_that_are_not_waived(
    outcome: FindingOutcome, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Finding(check="torch", outcome=outcome, message="torch is there", waived=Waived("for now", "2027-01-31"))
    audited = Audited(image="r/api:1", repository="r/api", outcome="warn", findings=(found,), waived=int(not code))
    ended = Ended(layers_fetched=0, bytes_fetched=0, requests=0)
    with Sink([], quiet=False, only_failed=False, plan_only=False) as sink:
        sink.take([Planned(), audited, ended])
    assert sink.finish(0.1, ("warn",)) == code
    assert sink.finish(0.1) == 0
    assert ("1 finding waived" in capsys.readouterr().err) == (outcome == "waived")
