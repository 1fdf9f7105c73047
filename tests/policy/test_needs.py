"""Which roles a glance at single files can answer."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.gpu.hosts import Host
from inspector.gpu.image import ImageGpu
from inspector.oci import Platform
from inspector.policy.comparison import Growth
from inspector.policy.judge import judge
from inspector.policy.needs import needs_run, packages_needed, whole_facts_needed
from inspector.policy.role import Fleet, Limits
from inspector.policy.rules import RULES
from inspector.policy.rules.waste import parse_bound
from tests.policy.cases import CPU, CUDA, NO_TORCH, PYTHON, glanced, role

GPU = ImageGpu(build="cuda", cuda="12.4", architectures=("sm_80", "sm_86"))
FLEET = Fleet("gpu", (Host(name="edge", driver="550.54.15", gpus=("A10",)),))
STATED: dict[str, Any] = {
    "torch": "cuda",
    "torch_version": ">=2",
    "torch_elsewhere": "forbid",
    "cuda": ">=12",
    "cuda_runtime": "report",
    "fleet": FLEET,
    "forbid": ("a",),
    "require": ("a",),
    "python": ">=3",
    "size": Limits(most=10**12),
    "compressed_size": Limits(most=10**12),
    "proof": "loader",
    "extensions": "must-load",
    "imports": ("a",),
    "growth": Growth(bytes=5),
    "against": "api:1",
    "warn_waste": parse_bound("1 TB"),
    "max_waste": parse_bound("1 TB"),
}
"""A value for each setting of a rule."""
OWN: dict[str, Any] = {
    "name": "other",
    "description": "text",
    "match": ("a:*",),
    "dockerfile": "D",
    "python_command": "python3",
    "platform": Platform("linux", "amd64"),
}
"""And for what each role has, whatever the rules."""
SETTINGS = {setting.name: rule for rule in RULES for setting in rule.settings}


def test_every_setting_has_a_value_here_and_its_own_name() -> None:
    assert STATED.keys() == SETTINGS.keys()
    assert len(SETTINGS) == len({setting for rule in RULES for setting in rule.settings})
    assert len({rule.check for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("field", [*STATED, *OWN])
def test_single_files_answer_exactly_the_rules_that_say_so(field: str) -> None:
    """What a rule says of its needs is no opinion: partial facts answer it, or else leave it unknown."""
    wanted = role(**{"torch": "cuda", field: {**STATED, **OWN}[field]})
    whole = field in SETTINGS and SETTINGS[field].layers != ""
    packages = field in SETTINGS and SETTINGS[field].packages != ""
    outcome = judge(glanced(CUDA, interpreter=PYTHON, gpu=GPU), wanted).outcome
    assert outcome == ("unknown" if whole or packages else "warn")
    assert bool(whole_facts_needed(wanted)) == (whole or packages)
    assert bool(packages_needed(wanted)) == packages
    assert needs_run(wanted) == (field == "cuda_runtime")


def test_a_demand_for_a_gpu_is_no_need_of_layers() -> None:
    assert whole_facts_needed(role(torch="cuda", cuda_runtime="demand")) == ""


def test_the_first_clause_says_why() -> None:
    assert whole_facts_needed(role(torch="absent", size=Limits(most=1))) == ""
    assert whole_facts_needed(role(forbid=("a",), require=("b",))) == ""
    assert whole_facts_needed(role(torch="cpu", forbid=("a",))) == "'forbid' asks for every package"
    assert whole_facts_needed(role(torch="absent", forbid=("a",))) == ""
    assert packages_needed(role(torch="absent")) == ""
    assert packages_needed(role(forbid=("a",), require=("b",))) == "'require' asks for every package"
    assert packages_needed(role(forbid=("a",))) == "'forbid' asks for every package"


@pytest.mark.parametrize("torch", [NO_TORCH, CPU])
def test_roles_of_the_procedure_need_no_layers(torch: Any) -> None:
    wanted = role(torch="cpu" if torch.installed else "absent", size=Limits(warn=10**9, most=1_500_000_000))
    assert whole_facts_needed(wanted) == ""
    assert judge(glanced(torch), wanted).outcome == ("warn" if torch.installed else "pass")
