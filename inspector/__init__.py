"""What a container image's `python` would import, answered from the image's bytes.

`inspector.inspect("docker-archive:api.tar")` gives its facts,
`inspector.check(["docker-archive:api.tar"], inspector.load_policy("inspector.toml"))` the verdict.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspector.errors import InspectorError
    from inspector.facts import ImageFacts
    from inspector.pipeline import check, inspect
    from inspector.policy.load import load_policy
    from inspector.policy.model import Finding, Report, Result

__version__ = "0.1.0"
__all__ = ["Finding", "ImageFacts", "InspectorError", "Report", "Result", "check", "inspect", "load_policy"]

_HOMES = {
    "Finding": "inspector.policy.model",
    "ImageFacts": "inspector.facts",
    "InspectorError": "inspector.errors",
    "Report": "inspector.policy.model",
    "Result": "inspector.policy.model",
    "check": "inspector.pipeline",
    "inspect": "inspector.pipeline",
    "load_policy": "inspector.policy.load",
}


def __getattr__(name: str) -> Any:
    """The public names, each imported when it is first asked for: `inspector --version` needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
