"""Facts of an engine's archive API: what was not looked at never passes, and what was seen still fails."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from inspector.facts import Size
from inspector.policy.judge import judge
from inspector.policy.model import Outcome
from inspector.policy.role import Limits
from inspector.unknown import Absent
from tests.policy.cases import (
    ASKED,
    CPU,
    CUDA,
    DOCKERFILE,
    NO_TORCH,
    UNSEEN,
    finding,
    findings,
    glanced,
    image,
    installed,
    role,
)


@pytest.mark.parametrize(
    ("torch", "stated", "outcome"),
    [
        (NO_TORCH, {"torch": "absent"}, "pass"),
        (NO_TORCH, {"torch": "absent", "torch_elsewhere": "forbid"}, "unknown"),
        (NO_TORCH, {"torch": "cpu"}, "fail"),
        (CPU, {"torch": "cpu"}, "warn"),
        (CPU, {"torch": "cpu", "proof": "loader"}, "unknown"),
        (NO_TORCH, {"torch": "absent", "proof": "loader"}, "pass"),
        (CPU, {"torch": "cpu", "torch_elsewhere": "forbid"}, "unknown"),
        (CPU, {"torch": "absent"}, "fail"),
        (CUDA, {"torch": "cpu"}, "fail"),
        (CUDA, {"torch": "cuda", "cuda": ">=12"}, "warn"),
        (CPU, {"torch": "cpu", "forbid": ("nvidia-*",)}, "unknown"),
        (CPU, {"torch": None, "forbid": ("torch",)}, "fail"),
        (CPU, {"torch": "cpu", "require": ("numpy",)}, "unknown"),
        (CPU, {"torch": "cpu", "size": Limits(most=10**9)}, "warn"),
        (CPU, {"torch": "cpu", "size": Limits(most=10**8)}, "fail"),
        (CPU, {"torch": "cpu", "compressed_size": Limits(most=10**9)}, "unknown"),
    ],
)
def test_the_verdict_on_single_files(torch: Any, stated: Any, outcome: Outcome) -> None:
    assert judge(glanced(torch), role(**stated)).outcome == outcome


@pytest.mark.parametrize(
    ("stated", "check"),
    [
        ({"torch_elsewhere": "forbid"}, "torch-elsewhere"),
        ({"forbid": ("nvidia-*",)}, "forbid"),
        ({"require": ("numpy>=2",)}, "require"),
        ({"size": Limits(most=1)}, "size"),
        ({"compressed_size": Limits(warn=1)}, "compressed-size"),
    ],
)
def test_what_was_not_looked_at_says_so_and_what_looks(stated: Any, check: str) -> None:
    found = finding(glanced(size=Size(None, None)), role(**stated), check)
    assert (found.outcome, found.category, found.actual) == ("unknown", "EVIDENCE", "not looked at")
    assert "not looked at" in found.message
    assert found.advice == "Have every layer read: `--access save` does"


def test_torch_elsewhere_that_is_allowed_demands_nothing() -> None:
    """The reports tell that nobody looked; the verdict is that of a role without the rule."""
    assert findings(judge(glanced(), role(torch="absent")), "torch-elsewhere") == []


def test_without_a_python_there_are_no_distributions_to_look_at() -> None:
    facts = glanced(interpreter=Absent("no `python` on PATH"))
    assert finding(facts, role(forbid=("a",)), "forbid").outcome == "pass"
    assert finding(facts, role(require=("a",)), "require").outcome == "fail"
    assert judge(facts, role(forbid=("a",))).outcome == "fail"


def test_distributions_that_a_access_did_list_are_judged() -> None:
    facts = glanced(distributions=(installed("numpy", "2.4.2", None, None),))
    assert finding(facts, role(require=("numpy>=2",)), "require").outcome == "pass"
    assert finding(facts, role(forbid=("num*",)), "forbid").outcome == "fail"
    assert finding(facts, role(forbid=("b*",)), "forbid").outcome == "pass"


def test_a_failure_says_which_access_tells_the_build_step() -> None:
    found = finding(glanced(CPU), role(torch="absent"), "torch")
    assert (found.outcome, found.evidence.layer, found.evidence.path) == ("fail", None, CPU.path)
    assert found.advice.endswith("; `--access save` tells the build step that brought it")
    size = finding(glanced(), role(size=Limits(most=1)), "size")
    assert size.evidence.layer is None
    assert size.advice.endswith("; `--access save` tells the build step that brought it")


def test_one_layer_of_unknown_size_leaves_the_biggest_open() -> None:
    facts = glanced()
    some = (replace(facts.layers[0], size=5), *facts.layers[1:])
    assert finding(glanced(layers=some), role(size=Limits(most=1)), "size").evidence.layer is None


def test_the_evidence_names_access_questions_and_what_was_passed_over() -> None:
    found = finding(glanced(), role(), "evidence")
    assert found.outcome == "pass"
    assert (
        found.message
        == "access method files: 58 questions, 1.20 MB, proof: files; passed over: storage: its files can't be read"
    )


@pytest.mark.parametrize("access", ["cache", "storage", "save"])
def test_other_access_are_named_too_and_must_have_read_every_layer(access: str) -> None:
    facts = image()
    evidence = replace(facts.evidence, access=access)
    message = finding(image(evidence=evidence), role(), "evidence").message
    assert (
        message == f"access method {access}: 3 layers read (40.0 kB), 0 from the cache, digests verified, proof: loader"
    )
    assert judge(image(evidence=replace(evidence, layers_read=2, questions=9)), role()).outcome == "unknown"


@pytest.mark.parametrize("changes", [{"questions": 0}, {"bytes_read": 0}, {"questions": 0, "bytes_read": 0}])
def test_questions_without_an_answer_are_no_evidence(changes: dict[str, int]) -> None:
    for torch in (NO_TORCH, CPU):
        assert judge(glanced(torch, evidence=replace(ASKED, **changes)), role(torch="absent")).outcome == "unknown"


def test_questions_do_not_stand_for_an_image_without_layers() -> None:
    assert judge(glanced(layers=()), role(torch="absent")).outcome == "unknown"


def test_advice_names_the_builder_of_the_engine() -> None:
    facts = glanced(source="podman", startup=replace(glanced().startup, starts="no"))
    advice = finding(facts, role(), "startup").advice
    assert f"`podman build -f {DOCKERFILE} -t ktrdr-backend:prod .`" in advice


def test_metadata_that_was_not_listed_has_no_place() -> None:
    left = replace(NO_TORCH, distribution_version="2.6.0")
    found = finding(glanced(left, distributions=UNSEEN), role(torch="absent"), "torch")
    assert (found.outcome, found.evidence.path) == ("warn", None)
