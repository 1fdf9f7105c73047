"""Torch against the role: there and importable, or not there at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from inspector.policy.findings import NO_PYTHON, Case, Shown, because
from inspector.policy.model import Advice, Finding, Pointer
from inspector.policy.role import ANY_BUILD, TorchRule
from inspector.policy.rule import Explanation, Rule
from inspector.policy.rules.cuda import CUDA
from inspector.policy.setting import choice
from inspector.policy.torches import (
    HOW,
    NOT_CHECKED,
    UNPROVED,
    installing,
    label,
    undecided_import,
    where,
)
from inspector.python.metadata import canonical
from inspector.python.model import Interpreter
from inspector.torchbuild.kinds import kind_names, label_of
from inspector.unknown import Absent, Unknown


def _allowed() -> list[str]:
    """Return the kinds of build, and the words beside them."""
    return ["absent", *kind_names(), *ANY_BUILD]


TORCH = choice(
    "torch",
    _allowed,
    cast("TorchRule | None", None),
    about="Which build of torch `import torch` gives: `absent` for none, `present` for any (`any` is its older name).",
    unset="Whatever is there is right, no torch as well as any build.",
)
NO_TORCH = Advice(
    "CODE_BUG",
    "{dockerfile}: install torch: {change}, into the environment that `{command}` uses",
    procedure="{dockerfile}: add `--extra ml` to the `uv sync` commands "
    '(`grep -n "extra ml" {dockerfile}`), into the environment that `{command}` uses',
)
BROKEN = Advice(
    "CODE_BUG",
    "{dockerfile}: partial torch install: install it whole, for this interpreter and machine{origin}",
)
FAULT = Advice(
    "CODE_BUG",
    "{dockerfile}: bring what {path} needs, of the version that it was built for, or install torch whole{origin}",
)
IN_API = Advice(
    "CODE_BUG",
    "{dockerfile}: {change}{origin}",
    procedure="{dockerfile}: use `uv sync --frozen --no-dev` without `--extra ml` "
    '(`grep -n "extra ml" {dockerfile}`){origin}',
)
NAMESPACE = Advice(
    "CODE_BUG", "Rename or move the directory {path}, or `import torch` succeeds without a torch{origin}"
)
OTHER = Advice("CODE_BUG", "Rename or move {path}: the role wants nothing that `import torch` finds{origin}")
ORPHAN = Advice("CODE_BUG", "{dockerfile}: remove torch with the installer that brought it{origin}")


def check_torch(case: Case) -> Iterator[Finding]:
    """Torch is there and importable, or is not there at all, as the role has it."""
    rule = case.role[TORCH]
    if rule is not None:
        yield _absence(case) if rule == "absent" else _presence(case, rule)


def _absence(case: Case) -> Finding:
    torch = case.facts.torch
    shown = Shown("no torch", label(torch))
    if torch.installed:
        broken = f", though it can't be imported{because(torch.reasons)}" if torch.importable == "no" else ""
        message, at = f"{label(torch)} is installed{broken}", where(case, torch)
        return case.found("fail", IN_API, message, shown, at, change=lambda tool: tool.leaving_out("torch"))
    if torch.importable == "yes":
        message = f"`import torch` succeeds without a torch: {torch.path or 'a directory torch'} is a namespace package"
        return case.found("fail", NAMESPACE, message, shown, where(case, torch))
    reason = undecided_import(case)
    if reason:
        return case.unknown(f"whether torch can be imported is not known: {reason}", shown, HOW)
    if torch.path is not None:
        message = f"a module torch is there, though not PyTorch{because(torch.reasons)}"
        return case.found("fail", OTHER, message, shown, where(case, torch))
    if torch.distribution_version is not None:
        message = f"torch is gone, but the metadata of {torch.distribution_version} is left"
        left = Shown("no torch", f"metadata of torch {torch.distribution_version}")
        return case.found("warn", ORPHAN, message, left, _metadata(case))
    return case.passed("torch is not installed", shown)


def _presence(case: Case, rule: str) -> Finding:  # noqa: PLR0911 - one for each way of it
    torch, interpreter = case.facts.torch, case.facts.interpreter
    shown = Shown("torch" if rule in ANY_BUILD else f"torch, {label_of(rule)} build", label(torch))
    change = installing(rule, case.role[CUDA])
    if isinstance(interpreter, Absent):
        return case.found("fail", NO_PYTHON, f"torch can't be imported: {interpreter.unknown}", shown)
    if not torch.installed and torch.importable == "yes":
        message = f"no torch: {torch.path or 'a directory torch'} holds no package, though `import torch` succeeds"
        return case.found("fail", NO_TORCH, message, shown, where(case, torch), change=change)
    if torch.importable == "no":
        if not torch.installed:
            message = f"torch is not installed{because(torch.reasons)}"
            return case.found("fail", NO_TORCH, message, shown, change=change)
        message = f"{label(torch)} is installed but can't be imported{because(torch.reasons)}"
        advice = NO_PYTHON if isinstance(interpreter, Interpreter) and interpreter.runs == "no" else BROKEN
        at = case.at(torch.fault.layer, path=torch.fault.path) if torch.fault else where(case, torch)
        return case.found("fail", FAULT if torch.fault and advice is BROKEN else advice, message, shown, at)
    reason = undecided_import(case)
    if reason:
        return case.unknown(f"whether torch can be imported is not known: {reason}", shown, HOW)
    if case.facts.evidence.proof == "files":
        return case.found("warn", UNPROVED, f"{label(torch)} is there, and {NOT_CHECKED}", shown, where(case, torch))
    return case.passed(f"{label(torch)} can be imported", shown)


def _metadata(case: Case) -> Pointer:
    """Say where the metadata lies that says torch is installed."""
    listed = case.facts.distributions
    if isinstance(listed, Unknown):
        return Pointer()
    found = next((one for one in listed if canonical(one.name) == "torch"), None)
    return Pointer() if found is None else case.at(found.layer, path=found.path)


EXPLAINED = Explanation(
    proves="`import torch` succeeds where the role wants torch, and finds nothing where it wants none.",
    unknown=(
        "A file that decides it could not be read, or its effect can't be predicted without running it. The message "
        "names the file."
    ),
    mend=(
        "Wanted and missing: install torch into the environment that this Python uses. Wanted and broken: install "
        "the named package or library, or install torch again whole. Not wanted: leave torch, and what depends on "
        "it, out of the install step that the message names."
    ),
)
RULE = Rule(check="torch", explanation=EXPLAINED, test=check_torch, settings=(TORCH,), of_python=True)
