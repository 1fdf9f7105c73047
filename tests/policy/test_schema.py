"""The schema and the reference page: they say of policies what the loader does, and know every key."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from inspector.cli.schema import command
from inspector.errors import PolicyError
from inspector.policy.reference import render_reference
from inspector.policy.rules import RULES
from inspector.policy.schema import role_keys, schema
from inspector.policy.tables import TOP, policy_of_tables
from tests.policy import test_load
from tests.policy.test_rules import LAYERS

ROOT = Path(__file__).parents[2]
FOLDERS = ("fixtures", "docs", "deploy", "tests")
VALIDATOR = jsonschema.Draft202012Validator(schema())


def policies() -> dict[str, dict[str, Any]]:
    """All policies in TOML that the project keeps, those within its pages and tests too."""
    found = {
        str(path.relative_to(ROOT)): path.read_text() for each in FOLDERS for path in (ROOT / each).rglob("*.toml")
    }
    for path in [ROOT / "README.md", *(page for each in FOLDERS for page in (ROOT / each).rglob("*.md"))]:
        for at, block in enumerate(path.read_text().split("```toml")[1:]):
            found[f"{path.relative_to(ROOT)} {at}"] = block.partition("```")[0].partition("\n")[2]
    found["FULL"] = test_load.FULL
    decoded = {}
    for name, text in found.items():
        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            continue
        if isinstance(raw.get("roles"), dict) and "project" not in raw:
            decoded[name] = json.loads(json.dumps(raw, default=str))  # a date as editors give it to the schema
    return decoded


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert len(policies()) > 3


@pytest.mark.parametrize("name", policies())
def test_policies_fit(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(policies()[name])] == []


NOT_EXPRESSED = ("contradicts", "forbids", "no role", "larger than", "past the", "needs 'torch'", "requires torch")
"""What is between keys, which the schema leaves to the loader."""
NOT_TOLD = ("printable", "without its ']'", "'a\\n'", "nothing follows", "a platform:", "no registry", "an empty ref")


def faulty() -> list[str]:
    """The faulty policies of the loader's tests, with what is wrong."""
    marks = vars(test_load.test_what_is_no_policy_is_refused_with_its_place)["pytestmark"]
    return [
        text for text, message in marks[0].args[1] if not any(word in message for word in (*NOT_EXPRESSED, *NOT_TOLD))
    ]


@pytest.mark.parametrize("text", faulty())
def test_faults_that_a_schema_can_express_do_not_fit(text: str) -> None:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    with pytest.raises(PolicyError):
        policy_of_tables(raw, "p")
    assert not VALIDATOR.is_valid(raw)


@pytest.mark.parametrize(
    "stated",
    [
        "python = '>=3.11, <3.13,'",
        "python = ' ~=3.11 '",
        "python = '===3.11'",
        "max-size = '1.5gib'",
        "max-size = ' 20_kB '",
        "max-size = '7g'",
        "require = ['a', 'a>=1', 'A.b_c ~= 1.2', 'a(>=1)', 'a == 1.*, <2']",
        "torch = 'cuda'\ncuda = '>=12,<13'\ncuda-runtime = true",
        "torch = 'cuda'\ncuda = 'host-dependent'",
        "torch = 'any'\ntorch-version = '!=2.1'",
        "imports = ['torchvision', 'app.main', ' é.b ']",
        "platform = 'linux/arm/v7'",
        "match = ['a', 'a b', '*']",
    ],
)
def test_the_schema_takes_what_the_loader_takes(stated: str) -> None:
    raw = tomllib.loads(f"[roles.a]\n{stated}\n")
    policy_of_tables(raw, "p")
    assert [error.message for error in VALIDATOR.iter_errors(raw)] == []


def test_a_key_is_declared_once_and_documented() -> None:
    keys = role_keys()
    assert len({key.name for key in keys}) == len(keys)
    page = render_reference()
    for key in (*TOP, *keys):
        assert f"### `{key.name}`\n\n{key.about}\n" in page
        assert key.about
        assert key.unset or key.name == "roles"
    assert all(f"| `{rule.check}` |" in page for rule in RULES)


def test_a_rule_from_outside_is_in_both() -> None:
    assert "max-layers" in schema([*RULES, LAYERS])["$defs"]["role"]["properties"]
    assert "### `max-layers`" in render_reference([*RULES, LAYERS])


def test_the_command_prints_each() -> None:
    said = CliRunner().invoke(command, ["policy", "--format", "markdown"])
    assert said.output == render_reference()
    assert '"The policy of inspector"' in CliRunner().invoke(command, ["policy"]).output
    assert "only the policy has a page" in CliRunner().invoke(command, ["--format", "markdown"]).output
