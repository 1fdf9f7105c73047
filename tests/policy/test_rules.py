"""A rule from outside, declared in this module alone: its key, parser, hint, need, check and advice, all used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import fixtures
from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector import check, load_policy
from inspector.errors import PolicyError
from inspector.policy.findings import Case, Shown
from inspector.policy.judge import judge, judge_manifest
from inspector.policy.model import Advice, Finding, Pointer
from inspector.policy.needs import needs_run, whole_facts_needed
from inspector.policy.reference import listing
from inspector.policy.role import Role
from inspector.policy.rule import Rule
from inspector.policy.rules.torch import TORCH
from inspector.policy.setting import text
from inspector.report import document
from tests.policy.cases import IMAGE, image

MOST = text("max-layers", int, "a number, as in '40'")
TOO_MANY = Advice("CODE_BUG", "{dockerfile}: join the steps of {image}, {wanted}{origin}")


def check_layers(case: Case) -> Iterator[Finding]:
    """The image has few layers."""
    most, layers = case.role[MOST], len(case.facts.layers)
    if most is None:
        return
    shown = Shown(f"at most {most}", str(layers))
    if layers <= most:
        yield case.passed(f"{layers} layers", shown)
    else:
        yield case.found("fail", TOO_MANY, f"{layers} layers, more than {most}", shown, case.at(layers - 1))


LAYERS = Rule(
    check="layers", test=check_layers, settings=(MOST,), facts="manifest", layers="'max-layers' counts all layers"
)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """An image with more than three layers."""
    path = tmp_path / "image.tar"
    FORMS["docker-24"](path, [right_images()["worker-cpu"]])
    return f"docker-archive:{path}"


def policy(folder: Path, most: str) -> Path:
    path = folder / "inspector.toml"
    path.write_text(f'[roles.small]\nmatch = ["*"]\ndockerfile = "D"\nmax-layers = {most}\n', encoding="utf-8")
    return path


def test_its_key_is_read_and_its_check_judges_as_json_tells(archive: str, tmp_path: Path) -> None:
    loaded = load_policy(policy(tmp_path, "'3'"), rules=[LAYERS])
    assert loaded.roles[0][MOST] == 3
    (result,) = json.loads(document.encode(check([archive], loaded)))["results"]
    (found,) = (each for each in result["findings"] if each["check"] == "layers")
    count = len(result["facts"]["layers"])
    assert (result["outcome"], found["outcome"], found["category"]) == ("fail", "fail", "CODE_BUG")
    assert (found["expected"], found["actual"], found["evidence"]["layer"]) == ("at most 3", str(count), count - 1)
    assert found["advice"].startswith("D: join the steps of ktrdr-worker-cpu:test, at most 3; it came with ")
    assert check([archive], load_policy(policy(tmp_path, "'99'"), rules=[LAYERS])).outcome == "pass"


@pytest.mark.parametrize(
    ("most", "rules", "message"),
    [
        ("'many'", [LAYERS], "role 'small', key 'max-layers': invalid literal for int"),
        ("3", [LAYERS], "role 'small', key 'max-layers': Expected `str | null`, got `int`; a number, as in '40'"),
        ("'3'", [], "role 'small': unknown key 'max-layers'"),
    ],
)
def test_its_parser_and_hint_refuse(tmp_path: Path, most: str, rules: list[Rule], message: str) -> None:
    with pytest.raises(PolicyError) as raised:
        load_policy(policy(tmp_path, most), rules=rules)
    assert message in str(raised.value)


@pytest.mark.parametrize("key", ["torch", "max-size", "match", "folder"])
def test_a_key_that_is_taken_is_refused(tmp_path: Path, key: str) -> None:
    other = Rule(check="other", test=check_layers, settings=(text(key, int, "a number"),))
    with pytest.raises(ValueError, match=f"two settings of roles are called '{key.replace('-', '_')}'"):
        load_policy(policy(tmp_path, "'3'"), rules=[LAYERS, other])


def test_a_rule_may_read_the_setting_of_another(tmp_path: Path) -> None:
    other = Rule(check="other", test=check_layers, settings=(TORCH, MOST))
    assert load_policy(policy(tmp_path, "'3'"), rules=[LAYERS, other]).roles[0][MOST] == 3


def test_its_needs_are_known() -> None:
    few, none = Role(name="few", rules=(LAYERS,), max_layers=1), Role(name="none", rules=(LAYERS,))
    assert (whole_facts_needed(few), whole_facts_needed(none)) == ("'max-layers' counts all layers", "")
    assert not needs_run(few)
    always = Rule(check="always", test=check_layers, layers="it counts all layers")
    assert whole_facts_needed(Role(name="any", rules=(always,))) == "it counts all layers"
    early = judge_manifest(IMAGE, few, image="x")
    assert early is not None
    assert early.outcome == "fail"
    assert judge_manifest(IMAGE, none, image="x") is None


def test_a_role_of_the_procedure_is_checked_by_it_too() -> None:
    (first, *_) = load_policy(Path(fixtures.__file__).parent / "roles.json", rules=[LAYERS]).roles
    assert {each.check for each in judge(image(), first.replaced(max_layers=1)).findings} >= {"torch", "layers"}


def test_it_is_listed_with_its_keys() -> None:
    (row,) = (line for line in listing([LAYERS]).splitlines() if "`layers`" in line)
    assert row == "| `layers` | The image has few layers. | `max-layers` | manifest and config |"


def test_what_no_rule_reads_is_no_role() -> None:
    with pytest.raises(TypeError, match="states 'torhc', which no rule reads"):
        judge(image(), Role(name="api", torhc="absent"))


def test_every_rule_is_listed() -> None:
    lines = listing().splitlines()
    assert any(line.startswith("| `torch` | ") and "| `torch` | files |" in line for line in lines)
    assert all(line.count("|") == 5 for line in lines)


def test_evidence_without_a_line_says_nothing_of_it() -> None:
    assert "line" not in document.encode(Pointer(path="/x"))
