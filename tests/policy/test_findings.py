"""Findings that are made without facts, and what every advice may name."""

from __future__ import annotations

import re
import string
from importlib import import_module
from pkgutil import iter_modules

import pytest

from inspector.errors import InspectorError, LimitExceeded, NotFound, PlatformMissing, Refused, Unreachable
from inspector.policy import findings, rules
from inspector.policy.advice import ADVICE, ROW_IN_CONTAINERD, ROW_IN_REGISTRY, ROW_OF_ERROR
from inspector.policy.findings import error_finding, role_finding
from inspector.policy.model import Advice, ErrorFact
from inspector.sources.access import AccessUnusable
from tests.policy.cases import DOCKERFILE, role

NAME = "api:prod"


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        (
            "not-found",
            f"Run build commands: `docker build -f {DOCKERFILE} -t {NAME} .`",
        ),
        ("platform-missing", "Ask for a platform that the image has with `--platform`, or build it"),
        ("unsupported", "Hand the image over in a form that is read: docker-archive, oci, oci-archive or dir"),
        ("limit-exceeded", "Look into the image before trusting it: no sound build makes one like this"),
        ("corrupt-layer", "Get the image again (save, copy or pull it); nothing is known of it"),
        ("digest-mismatch", "Get the image again (save, copy or pull it); nothing is known of it"),
        ("unreadable", "Get the image again (save, copy or pull it); nothing is known of it"),
        (
            "unreachable",
            (
                "Start the engine, or get access to its socket (`docker info` must answer), or name where it listens: "
                "DOCKER_HOST, DOCKER_CONTEXT or CONTAINER_HOST"
            ),
        ),
        (
            "refused",
            "See whether `docker info` answers, who may use the engine's socket, and what its log says of this",
        ),
        ("access-unusable", "Let the access method be chosen (no `--access`), or force another: `--access save`"),
        ("internal-error", "This is a fault of inspector, not of the image: report it with this message"),
    ],
)
def test_each_kind_of_error_has_its_advice(kind: str, advice: str) -> None:
    found = error_finding(ErrorFact(kind, "what happened"), role(), NAME)
    assert (found.check, found.outcome, found.category) == ("image", "unknown", "ENVIRONMENT")
    assert (found.message, found.advice) == ("what happened", advice)


@pytest.mark.parametrize("image", ["build/api.tar", "api.tar.gz:api:prod", "/images/api", "oci:layout:prod", "dir:x"])
def test_a_file_that_is_not_there_is_not_built(image: str) -> None:
    found = error_finding(ErrorFact("not-found", "no such file"), role(), image)
    assert (found.advice or "").startswith("Check the path, and the name within it; ")


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("docker:api:prod", f"docker build -f {DOCKERFILE} -t api:prod ."),
        ("podman:localhost/api:prod", f"podman build -f {DOCKERFILE} -t localhost/api:prod ."),
        ("api:prod", f"docker build -f {DOCKERFILE} -t api:prod ."),
        ("", f"docker build -f {DOCKERFILE} -t  ."),
    ],
)
def test_an_image_that_the_engine_lacks_is_built_by_its_name(image: str, command: str) -> None:
    found = error_finding(ErrorFact("not-found", "no such image"), role(), image)
    assert found.advice == f"Run build commands: `{command}`"


def test_a_pattern_that_matches_nothing_is_corrected_and_not_built() -> None:
    found = error_finding(ErrorFact("not-found", "no image matches"), role(), "api:*")
    assert (found.advice or "").startswith("Correct the name")


def test_the_engine_asked_is_the_one_to_start() -> None:
    found = error_finding(ErrorFact("unreachable", "nothing answers"), None, "podman:api:prod")
    assert "`podman info`" in found.advice


@pytest.mark.parametrize("error", [Unreachable, Refused, AccessUnusable, NotFound, PlatformMissing, LimitExceeded])
def test_the_kinds_of_errors_have_their_own_rows(error: type[InspectorError]) -> None:
    assert error("x").kind in ROW_OF_ERROR


def test_an_image_without_a_role_has_advice() -> None:
    found = role_finding("no-role", "no role")
    assert (found.outcome, found.message) == ("unknown", "no role")
    assert found.advice == "Add the name to a role's `match` in the policy, or name the role with --role"


ADVICE_OF_RULES = {
    (module.__name__, name): value
    for module in (import_module(f"inspector.policy.rules.{each.name}") for each in iter_modules(rules.__path__))
    for name, value in {**vars(findings), **vars(module)}.items()
    if isinstance(value, Advice)
}


def test_advice_names_only_what_is_known() -> None:
    known = {"dockerfile", "builder", "build", "image", "command", "origin", "wanted", "path", "change", "before"}
    assert ADVICE_OF_RULES
    for advice in (*ADVICE.values(), *ADVICE_OF_RULES.values()):
        for text in (advice.text, advice.procedure):
            assert {name for _, name, _, _ in string.Formatter().parse(text) if name} <= known
    assert {*ROW_OF_ERROR.values(), *ROW_IN_REGISTRY.values(), *ROW_IN_CONTAINERD.values()} <= set(ADVICE)


def test_the_words_of_the_procedure_stand_in_its_own_texts_alone() -> None:
    """`uv sync` is what the procedure's images are made by; any other image has its own installer."""
    for advice in ADVICE_OF_RULES.values():
        assert not re.search(r"uv sync|extra ml|pytorch-cu|pytorch-cpu", advice.text)


@pytest.mark.parametrize("kind", ["unreachable", "not-found"])
def test_of_containerd_nobody_is_sent_to_an_engine(kind: str) -> None:
    advice = error_finding(ErrorFact(kind, "x"), None, "containerd:b:1").advice
    assert "docker" not in advice.lower()
    assert "containerd" in advice or "ctr" in advice


@pytest.mark.parametrize("kind", ["unreachable", "refused", "not-found"])
def test_where_a_registry_was_asked_nobody_is_sent_to_an_engine(kind: str) -> None:
    for image, in_registry in (("docker://a.io/b:1", False), ("registry:a.io/b:1", False), ("a.io/b:1", True)):
        advice = error_finding(ErrorFact(kind, "x"), None, image, in_registry=in_registry).advice
        assert " info`" not in advice
        assert advice != error_finding(ErrorFact(kind, "x"), None, "docker:a.io/b:1").advice
