"""Which roles a glance at single files can answer."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import fields

from inspector.oci import Platform
from inspector.policy.judge import judge
from inspector.policy.needs import GLANCED, WHOLE, whole_facts_needed
from inspector.policy.role import Limits, Role
from tests.policy.cases import CPU, CUDA, NO_TORCH, PYTHON, glanced, role

STATED: dict[str, Any] = {
    "name": "other",
    "description": "text",
    "match": ("a:*",),
    "dockerfile": "D",
    "torch": "cuda",
    "torch_version": ">=2",
    "torch_elsewhere": "forbid",
    "cuda": ">=12",
    "cuda_runtime": "report",
    "forbid": ("a",),
    "require": ("a",),
    "python": ">=3",
    "python_command": "python3",
    "size": Limits(most=10**12),
    "compressed_size": Limits(most=10**12),
    "platform": Platform("linux", "amd64"),
}
"""Every field of a role, stating something."""


def test_every_field_of_a_role_is_either_glanced_or_whole() -> None:
    names = {field.name for field in fields(Role)}
    assert GLANCED | WHOLE.keys() == names
    assert not GLANCED & WHOLE.keys()
    assert STATED.keys() == names


@pytest.mark.parametrize("field", STATED)
def test_a_glance_answers_exactly_the_fields_that_it_is_said_to(field: str) -> None:
    """The table is no opinion: a rule that it calls glanced is answered by partial facts, any other is not."""
    wanted = role(**{"torch": "cuda", field: STATED[field]})
    result = judge(glanced(CUDA, interpreter=PYTHON), wanted)
    assert result.outcome == ("pass" if field in GLANCED else "unknown")
    assert bool(whole_facts_needed(wanted)) == (field in WHOLE)


def test_a_demand_for_a_gpu_is_no_need_of_layers() -> None:
    assert whole_facts_needed(role(torch="cuda", cuda_runtime="demand")) == ""


@pytest.mark.parametrize(
    ("stated", "clause"),
    [
        ({}, ""),
        ({"torch": "absent", "torch_elsewhere": "allow", "size": Limits(most=1)}, ""),
        ({"torch_elsewhere": "forbid"}, "torch-elsewhere = 'forbid' asks for every file"),
        ({"forbid": ("a",), "require": ("b",)}, "'forbid' asks for every package"),
        ({"require": ("b",)}, "'require' asks for every package"),
        ({"compressed_size": Limits(warn=1)}, "the compressed size is that of the layers as stored"),
    ],
)
def test_the_clause_that_says_why(stated: Any, clause: str) -> None:
    assert whole_facts_needed(role(**stated)) == clause


@pytest.mark.parametrize("torch", [NO_TORCH, CPU])
def test_roles_of_the_procedure_need_no_layers(torch: Any) -> None:
    wanted = role(torch="cpu" if torch.installed else "absent", size=Limits(warn=10**9, most=1_500_000_000))
    assert whole_facts_needed(wanted) == ""
    assert judge(glanced(torch), wanted).outcome == "pass"
