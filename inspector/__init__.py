"""What a container image's `python` would import, answered from the image's bytes.

`inspector.inspect("api.tar")` gives its facts, `inspector.check("api.tar", "inspector.toml")` the verdict;
`inspector.audit("registry.example.com/team/api", "inspector.toml")` yields those of a registry's images as they come,
and `inspector.diff("api-1.4.tar", "api-1.5.tar")` tells what changed.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers know the name; `typing` itself takes longer to import than all the rest
if TYPE_CHECKING:
    from typing import Any

    from inspector import errors
    from inspector.api.functions import audit, check, diff, inspect
    from inspector.api.given import load_policy
    from inspector.errors import InspectorError
    from inspector.facts import ImageFacts, LayerFacts
    from inspector.policy.audited import Audited, Ended, Planned
    from inspector.policy.model import Finding, Report, Result
    from inspector.policy.role import Policy, Role
    from inspector.python.model import Distribution, Interpreter
    from inspector.report.difference import Difference
    from inspector.torchbuild.model import Torch
    from inspector.unknown import Importable, Unknown

__version__ = "0.2.0"
__all__ = [
    "Audited",
    "Difference",
    "Distribution",
    "Ended",
    "Finding",
    "ImageFacts",
    "Importable",
    "InspectorError",
    "Interpreter",
    "LayerFacts",
    "Planned",
    "Policy",
    "Report",
    "Result",
    "Role",
    "Torch",
    "Unknown",
    "audit",
    "check",
    "diff",
    "errors",
    "inspect",
    "load_policy",
]

_HOMES = {
    "Audited": "inspector.policy.audited",
    "Difference": "inspector.report.difference",
    "Distribution": "inspector.python.model",
    "Ended": "inspector.policy.audited",
    "Finding": "inspector.policy.model",
    "ImageFacts": "inspector.facts",
    "Importable": "inspector.unknown",
    "InspectorError": "inspector.errors",
    "Interpreter": "inspector.python.model",
    "LayerFacts": "inspector.facts",
    "Planned": "inspector.policy.audited",
    "Policy": "inspector.policy.role",
    "Report": "inspector.policy.model",
    "Result": "inspector.policy.model",
    "Role": "inspector.policy.role",
    "Torch": "inspector.torchbuild.model",
    "Unknown": "inspector.unknown",
    "audit": "inspector.api.functions",
    "check": "inspector.api.functions",
    "diff": "inspector.api.functions",
    "inspect": "inspector.api.functions",
    "load_policy": "inspector.api.given",
}


def __getattr__(name: str) -> Any:
    """Return the public names, each imported when it is first asked for: `inspector --version` needs none of them."""
    if name == "errors":
        return import_module("inspector.errors")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List what is public, imported yet or not."""
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
