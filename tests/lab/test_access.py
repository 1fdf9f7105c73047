"""One image through every access method of every engine: what each states is what the image's own archive says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inspector.facts import ImageFacts
from inspector.pipeline import Options, check
from inspector.policy.load import load_policy
from inspector.sources.access import ACCESS_METHODS
from tests.lab import ours, wrong
from tests.lab.agree import differences
from tests.lab.asked import ask
from tests.lab.conftest import ROLES
from tests.lab.others import DOCKER, Other

FIXTURES = Path(__file__).parents[2] / "fixtures" / "roles.toml"
WHOLE = ("layers", "distributions", "torch_elsewhere")
"""Facts that only those who see every file can state."""

SOME = ("backend-prod", "worker-cpu", "backend-without-python", "worker-cpu-metadata-only")

Small = tuple[Path, Mapping[str, str]]


@pytest.fixture(scope="module")
def small_facts(small: Small) -> dict[str, ImageFacts]:
    """The facts of the fixture images in their archive."""
    path, names = small
    return {name: ours.facts_of(f"docker-archive:{path}:{tag}") for name, tag in names.items()}


@pytest.fixture(scope="module")
def role_facts(saved: Path) -> dict[str, ImageFacts]:
    """The facts of the role images, and of those made wrong from them, in the engine's archive."""
    return {name: ours.facts_of(f"docker-archive:{saved}:{name}") for name in (*ROLES, *wrong.NAMES)}


def shown(engine: Other, access: str, references: Sequence[str], *words: str) -> list[dict[str, Any]]:
    """The facts of the images through one access method, which the evidence must name."""
    with engine.untouched():
        said = ask(engine, "show", "--no-cache", "--access", access, *words, *references)
    assert said.code == 0, said.errors
    assert [facts["evidence"]["access"] for facts in said.facts] == [access] * len(references)
    for facts in said.facts:
        evidence = facts["evidence"]
        assert (evidence["questions"] > 0) is (access == "files")
        assert (evidence["layers_read"] == len(facts["layers"])) is (access != "files")
        assert [name for name in WHOLE if access != "files" and "unknown" in facts[name]] == []
    return said.facts


@pytest.mark.parametrize("access", ACCESS_METHODS)
def test_the_fixture_images_are_what_their_archive_says(
    access: str, any_engine: Other, small_images: dict[str, str], small_facts: dict[str, ImageFacts]
) -> None:
    slow = (any_engine.scheme, access) == ("podman", "files")  # 30 ms a question, where Docker takes 2
    names = SOME if slow else list(small_images)
    found = shown(any_engine, access, [small_images[name] for name in names])
    pairs = zip(names, found, strict=True)
    assert {name: all_ for name, facts in pairs if (all_ := differences(facts, small_facts[name]))} == {}


@pytest.mark.parametrize("access", ["storage", "files"])
def test_the_role_images_are_what_their_archive_says(access: str, role_facts: dict[str, ImageFacts]) -> None:
    found = shown(DOCKER, access, [f"docker:{name}" for name in role_facts])
    pairs = zip(role_facts, found, strict=True)
    assert {name: all_ for name, facts in pairs if (all_ := differences(facts, role_facts[name]))} == {}


@pytest.mark.parametrize("access", ["storage", "files"])
def test_the_api_image_is_the_same_in_every_engine(
    access: str, any_engine: Other, role_facts: dict[str, ImageFacts]
) -> None:
    (found,) = shown(any_engine, access, [f"{any_engine.scheme}:{ROLES[0]}"])
    assert differences(found, role_facts[ROLES[0]]) == []


def test_the_api_image_is_the_same_when_it_is_saved(role_facts: dict[str, ImageFacts]) -> None:
    (found,) = shown(DOCKER, "save", [f"docker:{ROLES[0]}"])
    assert differences(found, role_facts[ROLES[0]]) == []
    assert found["evidence"]["digests_verified"]


def test_podman_s_store_is_read_without_its_service(podman: Other, role_facts: dict[str, ImageFacts]) -> None:
    settings = str(Path(podman.socket).with_name("storage.conf"))
    nobody = {"CONTAINER_HOST": "", "XDG_RUNTIME_DIR": "", "CONTAINERS_STORAGE_CONF": settings}
    said = ask(podman, "show", "--no-cache", f"podman:{ROLES[0]}", more=nobody)
    assert said.code == 0, said.errors
    assert said.facts[0]["evidence"]["access"] == "storage"
    assert differences(said.facts[0], role_facts[ROLES[0]]) == []


def test_what_was_saved_once_is_in_the_cache(
    any_engine: Other, small_images: dict[str, str], small_facts: dict[str, ImageFacts], tmp_path: Path
) -> None:
    asked = (f"--cache-dir={tmp_path}", small_images["worker-cpu"])
    first = ask(any_engine, "show", "--access=save", *asked, hidden=True)
    again = ask(any_engine, "show", *asked, hidden=True)
    for said, access in ((first, "save"), (again, "cache")):
        assert said.code == 0, said.errors
        assert said.facts[0]["evidence"]["access"] == access
        assert differences(said.facts[0], small_facts["worker-cpu"]) == []
    assert (again.facts[0]["evidence"]["bytes_read"], again.facts[0]["evidence"]["layers_read"]) == (0, 0)


POLICY = """
[roles.torch]
torch = "cpu"
[roles.packages]
torch = "cpu"
forbid = ["nvidia-*"]
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A role that single files can answer, and one that they can't."""
    path = tmp_path / "roles.toml"
    path.write_text(POLICY)
    return path


def test_storage_is_taken_where_it_can_be_read(policy: Path, any_engine: Other, small_images: dict[str, str]) -> None:
    said = ask(any_engine, "check", "--no-cache", "--role=torch", policy, small_images["worker-cpu"])
    assert (said.code, said.document["outcome"]) == (0, "pass"), said.errors
    assert said.facts[0]["evidence"]["access"] == "storage"
    assert said.facts[0]["evidence"]["passed_over"] == []


def test_without_storage_single_files_answer_or_where_these_are_slow_the_whole_image(
    policy: Path, any_engine: Other, small_images: dict[str, str]
) -> None:
    with any_engine.untouched():
        said = ask(any_engine, "check", "--no-cache", "--role=torch", policy, small_images["worker-cpu"], hidden=True)
    evidence = said.facts[0]["evidence"]
    proved = "warn" if evidence["proof"] == "files" else "pass"
    assert (said.code, said.document["outcome"]) == (0, proved), said.errors
    passed = [reason.partition(":")[0] for reason in evidence["passed_over"]]
    slow = any_engine.scheme == "podman"
    assert (evidence["access"], passed) == (("save", ["storage", "files"]) if slow else ("files", ["storage"]))


@pytest.mark.parametrize(
    ("role", "name", "because"),
    [("packages", "worker-cpu", "forbid"), ("torch", "worker-cpu-libraries-missing", "torch")],
)
def test_what_single_files_can_t_settle_is_saved(
    role: str, name: str, because: str, policy: Path, any_engine: Other, small_images: dict[str, str]
) -> None:
    """By a rule that needs every file; or since the glance left open what the whole image settles."""
    with any_engine.untouched():
        said = ask(any_engine, "check", "--no-cache", f"--role={role}", policy, small_images[name], hidden=True)
    assert said.code in (0, 1), said.errors
    evidence = said.facts[0]["evidence"]
    assert evidence["access"] == "save"
    passed = dict(reason.split(": ", 1) for reason in evidence["passed_over"])
    assert list(passed) == ["storage", "files"]
    assert because in passed["files"] or any_engine.scheme == "podman"


@pytest.mark.parametrize("role", ["api", "worker-cpu"])
def test_the_verdict_is_the_archive_s_without_storage(
    role: str, small: Small, any_engine: Other, small_images: dict[str, str]
) -> None:
    """By a glance where that settles it, else by the image as saved; each in the fixtures' own role for it."""
    path, tags = small
    starts = "backend" if role == "api" else "worker"
    names = [name for name in small_images if name.startswith(starts)]
    expected = check(
        [f"docker-archive:{path}:{tags[name]}" for name in names], load_policy(FIXTURES), Options(role=role)
    )
    asked = [small_images[name] for name in names]
    said = ask(any_engine, "check", "--no-cache", "--role", role, FIXTURES, *asked, hidden=True)
    assert said.document["outcome"] == expected.outcome
    results = zip(names, said.document["results"], msgspec.to_builtins(expected.results), strict=True)
    assert {name: pair for name, *pair in results if _verdict(pair[0]) != _verdict(pair[1])} == {}


def _verdict(result: dict[str, Any]) -> tuple[str, set[tuple[str, str]]]:
    """The outcome, and each finding that speaks against the image."""
    findings = {(each["check"], each["outcome"]) for each in result["findings"] if each["outcome"] != "pass"}
    return result["outcome"], findings
