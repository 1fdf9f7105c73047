"""The main job on an engine's images, over HTTP: which are meant, which role each is in, and when it is read whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from fixtures.roles import right_images
from fixtures.wrong import wrong_images
from inspector.pipeline import Options, Progress, check, survey, verdicts
from inspector.pipeline.model import DEFAULTS
from inspector.policy.load import load_policy
from inspector.policy.model import Report
from inspector.policy.role import Listed, Policy, Role, TorchRule
from inspector.reference import parse_reference
from inspector.testing.engine import FakeEngine
from tests.effort import some

TOML = load_policy(Path(__file__).parents[2] / "fixtures" / "roles.toml")
ROLES = [role for role in TOML.roles if role.name in ("api", "dev", "worker-cpu", "worker-gpu")]
RIGHT = right_images()
TWO_TAGS = RIGHT["worker-cpu"].with_steps(tags=["ktrdr-backend:dev", "ktrdr-worker-cpu:test"])


def policy(*roles: Role, images: Sequence[str] = ()) -> Policy:
    return replace(TOML, roles=roles, images=tuple(Listed(name) for name in images))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    with FakeEngine("graph", [RIGHT["backend-prod"], TWO_TAGS, RIGHT["worker-gpu"]]) as fake:
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        yield fake


def rows(report: Report) -> list[tuple[str, str | None, str, str | None]]:
    access = [result.facts.evidence.access if result.facts else None for result in report.results]
    return [(one.image, one.role, one.outcome, access) for one, access in zip(report.results, access, strict=True)]


@pytest.mark.usefixtures("engine")
def test_without_a_name_the_engine_is_asked_by_the_roles_patterns() -> None:
    assert rows(check([], policy(*ROLES))) == [
        ("ktrdr-backend:prod", "api", "pass", "save"),  # a list of what is forbidden wants all of it
        ("ktrdr-backend:dev", "dev", "pass", "save"),
        ("ktrdr-worker-cpu:test", "worker-cpu", "pass", "save"),
        ("ktrdr-worker-gpu:test", "worker-gpu", "warn", "files"),  # no library was checked
    ]


@pytest.mark.usefixtures("engine")
def test_a_role_whose_patterns_fit_nothing_is_not_known_and_no_registry_is_asked() -> None:
    lost = ROLES[0].replaced(name="web", match=("web:1", "web-*"))
    spare = ROLES[2].replaced(match=("ktrdr-worker-cpu:*", "ktrdr-worker-cpu:none"))
    report = check([], policy(lost, spare))
    assert rows(report) == [
        ("web:1", None, "unknown", None),
        ("web-*", None, "unknown", None),
        ("ktrdr-worker-cpu:test", "worker-cpu", "pass", "save"),
    ]
    messages = [result.error.message for result in report.results if result.error]
    assert messages == ["web:1: docker has no such image", "web-*: docker: no image matches 'web-*'"]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("ktrdr-backend:prd", ("ktrdr-backend:prod", "ktrdr-backend:dev")),
        ("docker:ktrdr-backend", ("ktrdr-backend:dev", "ktrdr-backend:prod")),
        ("docker-daemon:ktrdr-bakend:dev", ("ktrdr-backend:dev", "ktrdr-backend:prod")),
        ("unlike", ()),
    ],
)
def test_a_wrong_name_is_answered_with_what_the_engine_has(typed: str, near: tuple[str, ...]) -> None:
    """The advice must not repeat a typing error as the name of an image to build."""
    (result,) = check([typed], policy(*ROLES)).results
    assert result.error is not None
    assert set(result.error.near) == set(near)
    assert all(name in result.error.message for name in near)
    assert (typed in result.findings[0].advice) is not bool(near)


@pytest.mark.usefixtures("engine")
def test_an_image_by_the_name_that_other_tools_have_is_in_its_role() -> None:
    assert rows(check(["docker-daemon:ktrdr-worker-cpu:test"], policy(*ROLES)))[0][1] == "worker-cpu"


@pytest.mark.usefixtures("engine")
def test_that_many_images_are_read_for_a_pattern_is_told_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "MANY", 3)
    told: list[str] = []

    class Heard(Progress):
        def tell(self, sentence: str) -> None:
            told.append(sentence)

    check([], policy(ROLES[0].replaced(match=("ktrdr-*",))), DEFAULTS, Heard())
    assert told == ["4 of the engine's images fit the roles' patterns; reading all of them"]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("typed", [(), ("ktrdr-worker-cpu:test",)])
def test_an_image_that_is_listed_under_two_roles_is_held_against_both(typed: Sequence[str]) -> None:
    name = "ktrdr-worker-cpu:test"
    listed = replace(policy(*ROLES), images=(Listed(name, "api"), Listed(name, "worker-cpu"), Listed(name, "api")))
    assert [(role, outcome) for _, role, outcome, _ in rows(check(typed, listed))] == [
        ("api", "fail"),
        ("worker-cpu", "pass"),
    ]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("typed", ["ktrdr-worker-cpu:test", "docker:ktrdr-worker-cpu:test", "docker:*worker-cpu:*"])
def test_an_image_of_two_tags_is_in_the_role_of_the_one_that_was_asked_for(typed: str) -> None:
    report = check([typed], policy(*ROLES))
    assert [(image.rpartition("docker:")[2], role) for image, role, *_ in rows(report)] == [
        ("ktrdr-worker-cpu:test", "worker-cpu")
    ]


def test_an_image_asked_for_by_its_id_is_in_the_roles_of_all_its_tags(engine: FakeEngine) -> None:
    del engine
    (seen,) = survey([parse_reference("docker:ktrdr-backend:dev")])
    assert seen.facts is not None
    report = check([f"docker:{seen.facts.image_id}"], policy(*ROLES))
    assert [role for _, role, *_ in rows(report)] == ["dev", "worker-cpu"]


def test_one_command_reads_each_image_once_and_leaves_no_container(engine: FakeEngine) -> None:
    check([], policy(*ROLES))
    created = len(engine.asked("POST", "/containers/create"))
    assert created == len(engine.asked("DELETE", "/containers/.*")) == 1
    assert len(engine.asked("GET", "/images/.*/get")) == 3
    assert engine.asked("POST", ".*/start") == []


@pytest.mark.parametrize("name", some(wrong_images()))
def test_single_files_and_what_follows_them_say_what_the_whole_image_says(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with an image, the access method taken by itself gives the verdict of the fullest one."""
    rule: TorchRule = (
        "cuda" if "gpu" in name else "absent" if name.startswith("backend-") and "dev" not in name else "cpu"
    )
    role = Role(name="any", match=("wrong:1",), torch=rule)
    with FakeEngine("graph", [wrong_images()[name].image.with_steps(tags=["wrong:1"])]) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        (chosen,) = check(["docker:wrong:1"], policy(role)).results
        (whole,) = check(["docker:wrong:1"], policy(role), Options(access="save")).results
    assert chosen.facts is not None
    allowed = {whole.outcome} | ({"pass"} if name == "backend-torch-elsewhere" else set())  # a warning, at the most
    allowed |= {"warn"} if chosen.facts.evidence.proof == "files" else set()
    assert chosen.outcome in allowed
    if chosen.facts.evidence.access == "save":
        assert any(said.startswith("files: ") for said in chosen.facts.evidence.passed_over)


@pytest.mark.usefixtures("engine")
def test_showing_reads_the_image_whole() -> None:
    (seen,) = survey([parse_reference("docker:ktrdr-worker-gpu:test")])
    assert seen.facts is not None
    assert (seen.facts.evidence.access, seen.facts.evidence.digests_verified) == ("save", True)
    (seen,) = survey([parse_reference("docker:ktrdr-worker-gpu:test")], Options(access="files"))
    assert seen.facts is not None
    assert seen.facts.evidence.access == "files"


def test_a_context_that_is_not_there_is_told_and_is_no_missing_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    (seen,) = survey([parse_reference("docker:api:1")])
    assert seen.error is not None
    assert (seen.error.kind, "there is no Docker context 'gone'" in seen.error.message) == ("unreachable", True)


def test_that_docker_is_silent_is_told_even_where_podman_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeEngine("podman", []) as podman:
        monkeypatch.setenv("CONTAINER_HOST", podman.address)
        (seen,) = survey([parse_reference("api:1")], Options(offline=True))
    assert seen.error is not None
    assert "unix:///nowhere/engine.sock (DOCKER_HOST)" in seen.error.message
    assert "podman has no such image" in seen.error.message
