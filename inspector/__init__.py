"""What a container image's `python` would import, answered from the image's bytes.

`inspector.inspect("docker-archive:api.tar")` gives its facts,
`inspector.check(["docker-archive:api.tar"], inspector.load_policy("inspector.toml"))` the verdict;
`inspector.audit(["registry.example.com/team/api"], policy)` yields those of a registry's images as they come, and
`inspector.diff("docker-archive:a.tar", "docker-archive:b.tar")` tells what changed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspector.errors import InspectorError
    from inspector.facts import ImageFacts
    from inspector.pipeline import Options, check, diff, inspect
    from inspector.pipeline.audit import Terms, audit
    from inspector.policy.audited import Audited, Ended, Planned
    from inspector.policy.load import load_policy
    from inspector.policy.model import Finding, Report, Result
    from inspector.policy.role import Policy
    from inspector.report.difference import Difference

__version__ = "0.2.0"
__all__ = [
    "Audited",
    "Difference",
    "Ended",
    "Finding",
    "ImageFacts",
    "InspectorError",
    "Options",
    "Planned",
    "Policy",
    "Report",
    "Result",
    "Terms",
    "audit",
    "check",
    "diff",
    "inspect",
    "load_policy",
]

_HOMES = {
    "Audited": "inspector.policy.audited",
    "Difference": "inspector.report.difference",
    "Ended": "inspector.policy.audited",
    "Finding": "inspector.policy.model",
    "ImageFacts": "inspector.facts",
    "InspectorError": "inspector.errors",
    "Options": "inspector.pipeline",
    "Planned": "inspector.policy.audited",
    "Policy": "inspector.policy.role",
    "Report": "inspector.policy.model",
    "Result": "inspector.policy.model",
    "Terms": "inspector.pipeline.audit",
    "audit": "inspector.pipeline.audit",
    "check": "inspector.pipeline",
    "diff": "inspector.pipeline",
    "inspect": "inspector.pipeline",
    "load_policy": "inspector.policy.load",
}


def __getattr__(name: str) -> Any:
    """Return the public names, each imported when it is first asked for: `inspector --version` needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
