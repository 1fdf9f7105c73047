"""Modules that the role wants to be importable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inspector.imports.model import MAX_NAME, MAX_NAMES, Imported, module_name
from inspector.policy.findings import NO_PYTHON, Case, Shown, because
from inspector.policy.model import Advice, Finding
from inspector.policy.rule import Explanation, Rule
from inspector.policy.setting import Written, texts
from inspector.unknown import Absent, Importable

FAILS = Advice("CODE_BUG", "{dockerfile}: make `{command} -c '{wanted}'` work in the image{origin}")
HOW = "`python -c 'import {}'` in a container shows it"


def _bounded(written: Written, found: tuple[str, ...]) -> None:
    if len(found) > MAX_NAMES:
        raise written.location.error(f"more than {MAX_NAMES} of them", "imports")


_TOLD: dict[str, Any] = {
    "about": f"Modules whose import must be found, with all that it loads; at most {MAX_NAMES}.",
    "unset": "No import but that of torch is followed.",
    "form": {"maxLength": MAX_NAME, "pattern": r"^\s*[^\s.\-/0-9][^\s\-/]*\s*$"},
}
IMPORTS = texts("imports", module_name, "a list of modules, as in ['torchvision', 'app.main']", _bounded, **_TOLD)


def check_imports(case: Case) -> Iterator[Finding]:
    """Check that each module is found, and all that its import loads."""
    for name in case.role[IMPORTS]:
        found = case.facts.imports.get(name)
        yield _finding(
            case.about(name), name, found or Imported(importable=Importable.UNKNOWN, reasons=("it was not asked for",))
        )


def _finding(case: Case, name: str, found: Imported) -> Finding:
    wanted = f"import {name}"
    shown = Shown(wanted, {"yes": "importable", "no": "fails", "unknown": "not known"}[found.importable])
    if found.importable == "yes":
        counted = f" ({found.modules} modules, {found.extensions} of them compiled)" if found.modules else ""
        return case.passed(f"{name} can be imported{counted}", shown)
    if found.importable == "unknown":
        why = "; ".join(found.reasons) or "nothing tells"
        return case.unknown(f"whether {name} can be imported is not known: {why}", shown, HOW.format(name))
    advice = NO_PYTHON if isinstance(case.facts.interpreter, Absent) else FAILS
    at = case.at(found.layer, path=found.path)
    return case.found("fail", advice, f"`{wanted}` fails{because(found.reasons)}", shown, at)


EXPLAINED = Explanation(
    proves="Each module that the role lists in `imports` is found, and so is everything that its import needs.",
    unknown="A module computes what it imports, or runs code whose outcome can't be predicted.",
    mend="Install what the message names as missing, or correct the module's name in the role.",
)
RULE = Rule(
    check="imports",
    explanation=EXPLAINED,
    test=check_imports,
    settings=(IMPORTS,),
    layers="'imports' asks for files of every layer",
)
