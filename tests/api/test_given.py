"""What the functions take: images and policies in every form, keywords, and the caches that they open."""

from __future__ import annotations

import gc
import logging
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import inspector
from inspector.api.given import image_of, images_of, policy_of
from inspector.errors import InvalidReference, PolicyError, UsageError
from inspector.gpu.hosts import Host
from inspector.layers.cache import default_cache
from inspector.policy.role import Fleet, Limits, Role
from inspector.testing.registry import FakeRegistry

TABLES = {"roles": {"worker": {"match": ["ktrdr-worker-cpu:*"], "torch": "cpu"}}}


def test_a_lone_text_is_one_image_and_so_is_a_path() -> None:
    assert [each.text for each in images_of("worker.tar")] == ["worker.tar"]
    assert [each.text for each in images_of(Path("worker.tar"))] == ["worker.tar"]
    assert [each.text for each in images_of(each for each in ("a.tar", Path("b.tar")))] == ["a.tar", "b.tar"]


@pytest.mark.parametrize("name", ["api", "docker:api", "registry:api", "-", "team/api:1"])
def test_a_path_is_on_disk_whatever_it_looks_like(name: str) -> None:
    reference = image_of(Path(name))
    assert reference.is_path_like()
    assert Path(reference.places()[0].path) == Path(name)


@pytest.mark.parametrize("wrong", [None, 3, b"worker.tar", ["worker.tar"]])
def test_what_is_no_image_is_refused_as_such(wrong: Any) -> None:
    with pytest.raises(TypeError, match="an image is a text or a path"):
        inspector.inspect(wrong)


@pytest.mark.parametrize(
    "policy",
    [
        "own.toml",
        Path("own.toml"),
        TABLES,
        Role(name="worker", torch="cpu"),
        inspector.Policy(roles=(Role(name="worker", match=("ktrdr-worker-cpu:*",), torch="cpu"),)),
    ],
    ids=["text", "path", "dict", "role", "policy"],
)
def test_a_policy_is_taken_in_every_form(policy: Any, examples: Path) -> None:
    (examples / "own.toml").write_text('[roles.worker]\nmatch = ["ktrdr-worker-cpu:*"]\ntorch = "cpu"\n')
    (result,) = inspector.check(Path("worker.tar"), policy).results
    assert (result.role, result.outcome) == ("worker", "pass")


def test_without_a_policy_the_nearest_is_taken(examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inspector.toml").write_text('[roles.small]\ntorch = "absent"\n')
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert inspector.check(examples / "worker.tar", role="small").outcome == "fail"
    (tmp_path / "inspector.toml").unlink()
    with pytest.raises(PolicyError, match="no policy"):
        inspector.check(examples / "worker.tar")


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (Role(name="api", trch="absent"), "unknown key 'trch'; did you mean 'torch'"),
        (Role(name="api", torch="absnt"), "absnt"),
        (Role(name="api", match="api:*"), "match"),  # type: ignore[arg-type]
        (Role(name="api", max_size="much"), "max-size"),
    ],
)
def test_a_role_that_a_program_made_is_checked_as_one_of_a_file(role: Role, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        policy_of(role)
    with pytest.raises(PolicyError, match=said):
        policy_of(inspector.Policy(roles=(role,)))


def test_a_role_that_a_program_made_is_that_of_a_file_with_the_same_keys() -> None:
    stated: dict[str, Any] = {
        "torch": "absent",
        "forbid": ["nvidia-*"],
        "require": ["fastapi>=0.100"],
        "platform": "linux/amd64",
    }
    wanted = policy_of({"roles": {"api": {**stated, "max-size": "1 GB"}}}).roles
    made: dict[str, Any] = {**stated, "forbid": ("NVIDIA_*",), "size": Limits(most=10**9)}
    assert policy_of(Role(name="api", **made)).roles == wanted
    assert policy_of(Role(name="api", **stated, max_size="1 GB")).roles == wanted


def test_roles_of_one_name_are_refused() -> None:
    with pytest.raises(PolicyError, match="two roles are called 'api'"):
        policy_of(inspector.Policy(roles=(Role(name="api"), Role(name="api"))))


def test_a_role_and_a_policy_exclude_each_other() -> None:
    with pytest.raises(PolicyError, match="leave one out"):
        inspector.check("worker.tar", TABLES, role=Role(name="api"))


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"platform": "arm"}, "is not a platform"),
        ({"jobs": -1}, "jobs=-1"),
        ({"image_timeout": 0}, "image_timeout=0"),
        ({"access": "magic"}, "known are storage, files, save"),
        ({"python": " "}, "an empty command"),
        ({"namespace": " "}, "an empty name"),
        ({"namespace": "k8s.io"}, "a namespace is containerd's alone"),
        ({"imports": "not a name"}, "is not a module's name"),
    ],
)
def test_a_wrong_value_of_a_keyword_is_told(keywords: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        inspector.inspect("worker.tar", **keywords)


def test_a_keyword_that_there_is_not_is_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match=r"inspect\(\) got an unexpected keyword argument 'plattform'"):
        inspector.inspect("worker.tar", plattform="linux/arm64")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("asked", "keywords", "said"),
    [
        ((), {}, "nothing to audit"),
        ("worker.tar", {}, "only repositories of registries"),
        ("registry.example.com/a", {"newest": 0}, "newest=0"),
        ("registry.example.com/a", {"max_bytes": "much"}, "max_bytes"),
        ("registry.example.com/a", {"versions": "new"}, "new"),
    ],
)
def test_an_audit_that_can_not_be_asked_says_so_at_once(asked: Any, keywords: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        inspector.audit(asked, TABLES, **keywords)


def test_an_audit_without_a_verdict_and_of_a_whole_registry(registry: FakeRegistry) -> None:
    asked = inspector.audit(catalog=registry.host, policy=False, insecure_registries=registry.host)
    (audited,) = [each for each in asked if isinstance(each, inspector.Audited)]
    assert audited.outcome is None
    assert audited.torch is not None
    assert audited.torch.build == "cpu"


def test_a_plan_needs_no_policy(registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (plan,) = inspector.audit(f"{registry.host}/team/worker", plan_only=True)
    assert isinstance(plan, inspector.Planned)


def test_facts_that_were_read_before_are_compared(examples: Path) -> None:
    facts = inspector.inspect(examples / "worker.tar")
    assert inspector.diff(facts, facts).equal


def test_the_cache_of_the_command_is_used_and_closed(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECTOR_CACHE_DIR", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = inspector.inspect(examples / "worker.tar")
        again = inspector.inspect(examples / "worker.tar")
        gc.collect()
    assert first.evidence.layers_cached == 0
    assert again.evidence.layers_cached == len(again.layers)


@pytest.mark.parametrize("off", [None, False])
def test_no_cache_is_used_where_none_is_wanted(
    off: bool | None,  # noqa: FBT001 - as the keyword
    examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INSPECTOR_CACHE_DIR", str(tmp_path))
    inspector.inspect(examples / "worker.tar", cache=off)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_of_the_caller_stays_open(examples: Path, tmp_path: Path) -> None:
    with closing(default_cache(tmp_path)) as cache:
        inspector.inspect(examples / "worker.tar", cache=cache)
        assert inspector.inspect(examples / "worker.tar", cache=cache).evidence.layers_cached > 0
    assert inspector.inspect(examples / "worker.tar", cache=tmp_path).evidence.layers_cached > 0


def test_a_cache_that_can_not_be_used_is_logged(
    examples: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING, "inspector"):
        inspector.inspect(examples / "worker.tar", cache=tmp_path / "file")
    assert "layers are read again" in caplog.text


@pytest.mark.parametrize("text", ["", "oci:"])
def test_a_name_that_no_grammar_accepts(text: str) -> None:
    with pytest.raises(InvalidReference):
        inspector.inspect(text)


def test_a_fleet_that_a_program_made_is_read_as_a_file_s() -> None:
    edge = Host(name="edge", driver="535.183.01", gpus=("A10",), injection="cdi")
    made = Role(name="gpu", torch="cuda", fleet=Fleet("gpu", (edge,)))
    assert policy_of(made).roles[0].stated["fleet"] == Fleet("gpu", (edge,))
    for wrong, said in ((replace(edge, driver="new"), "is not a driver's version"), (replace(edge, gpus=()), "0 GPUs")):
        with pytest.raises(PolicyError, match=said):
            policy_of(made.replaced(fleet=Fleet("gpu", (wrong,))))
