"""The role images against the policies that ship with them: from bytes to verdict, without the command line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import fixtures
from fixtures.__main__ import write_all
from fixtures.forms import FORMS
from fixtures.roles import API, DEV, WORKER_CPU, WORKER_GPU, right_images
from fixtures.wrong import wrong_images
from inspector.facts import ImageFacts, gather
from inspector.layers.indexer import Indexer
from inspector.policy.judge import judge
from inspector.policy.load import load_policy
from inspector.policy.match import names_of, roles_for
from inspector.policy.model import Result
from inspector.policy.role import Policy
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.testing.image import Image

FOLDER = Path(fixtures.__file__).parent
RIGHT, WRONG = right_images(), wrong_images()
POLICIES = {name: load_policy(FOLDER / name) for name in ("roles.toml", "roles.json")}


def facts_of(image: Image, folder: Path) -> ImageFacts:
    reference = parse_reference(FORMS["docker-24"](folder / "image.tar", [image]))
    (opened,) = open_images(reference)
    return gather(opened, Indexer(None, verify=False, meter=lambda _: None))


def verdict(image: Image, policy: Policy, folder: Path) -> Result:
    facts = facts_of(image, folder)
    roles = roles_for(names_of(facts.reference, facts.tags), policy)
    assert isinstance(roles, tuple)
    ((_, role),) = roles
    return judge(facts, role)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", RIGHT)
def test_right_images_pass(name: str, policy: str, tmp_path: Path) -> None:
    result = verdict(RIGHT[name], POLICIES[policy], tmp_path)
    assert [finding for finding in result.findings if finding.outcome != "pass"] == []
    assert result.outcome == "pass"


@pytest.mark.parametrize("name", WRONG)
def test_wrong_images_fail_for_the_right_reason(name: str, tmp_path: Path) -> None:
    wrong = WRONG[name]
    result = verdict(wrong.image, POLICIES["roles.toml"], tmp_path)
    failed = [finding for finding in result.findings if finding.outcome == wrong.outcome]
    assert result.outcome == wrong.outcome
    assert wrong.category in {finding.category for finding in failed}, failed
    assert all(finding.advice for finding in failed)


def test_the_json_policy_is_the_procedures_own() -> None:
    policy = POLICIES["roles.json"]
    assert [image.reference for image in policy.images] == [API, DEV, WORKER_CPU, WORKER_GPU]


def test_everything_is_written_and_listed(tmp_path: Path) -> None:
    written = write_all(tmp_path)
    listed = []
    for name in ("roles.toml", "wrong.toml"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        listed += [tmp_path / image for image in tomllib.loads(text)["images"]]
    assert listed == written
    roles = POLICIES["roles.toml"].roles
    assert load_policy(tmp_path / "wrong.toml").roles == roles
    assert load_policy(tmp_path / "roles.toml").roles == tuple(role for role in roles if role.name != "edge")
    assert sorted(path for path in tmp_path.rglob("*") if path.suffix == ".tar") == sorted(written)
    assert sum(path.stat().st_size for path in written) < 16 << 20


def test_every_right_image_has_a_wrong_one() -> None:
    tags = {tag for wrong in WRONG.values() for tag in wrong.image.tags}
    assert {tag for image in RIGHT.values() for tag in image.tags} <= tags
    assert all(re.fullmatch(r"[a-z-]+", name) for name in WRONG)
