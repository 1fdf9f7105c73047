"""The reference page of the Python API, rendered from the docstrings: `python -m inspector.api.page > python.md`."""

from __future__ import annotations

import enum
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import msgspec

from inspector import errors
from inspector.api import functions, given
from inspector.api.keywords import keywords_of
from inspector.facts import ImageFacts, LayerFacts
from inspector.policy.audited import Audited, Ended, Planned
from inspector.policy.model import Finding, Report, Result
from inspector.policy.role import Policy, Role
from inspector.python.model import Distribution, Interpreter
from inspector.report.difference import Difference
from inspector.torchbuild.model import Torch
from inspector.unknown import Importable, Unknown

FUNCTIONS: tuple[Callable[..., Any], ...] = (
    functions.inspect,
    functions.check,
    functions.diff,
    functions.audit,
    given.load_policy,
)
TYPES: tuple[type, ...] = (
    *(ImageFacts, Torch, Importable, Interpreter, Distribution, LayerFacts, Unknown),
    *(Report, Result, Finding, Difference, Planned, Audited, Ended, Policy, Role, errors.InspectorError),
)
"""In the order of the page."""
_MODULES = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Za-z_])")
_HEAD = """# From Python

<!-- Rendered from the docstrings by `python -m inspector.api.page`: change those. -->

```python
import inspector
from pathlib import Path
```

Everything here is an attribute of `inspector`, and is imported when it is first used.
"""


def render_page() -> str:
    """Return the page in Markdown: functions with their keywords and errors, then types with their fields."""
    parts = [_HEAD, "## Functions", *(part for each in FUNCTIONS for part in _function(each))]
    parts += ["## Types", *(part for each in TYPES for part in _type(each))]
    parts += ["## Errors", f"`inspector.errors` has them all.\n\n```text\n{_tree(errors)}\n```"]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _function(function: Callable[..., Any]) -> Iterator[str]:
    kind = getattr(function, "__keywords__", None)
    own = inspect.signature(inspect.unwrap(function))
    shown = [str(each.replace(annotation=each.empty)) for each in own.parameters.values() if each.name not in _of(kind)]
    yield f"### `{function.__name__}({', '.join([*shown, *(['*', '…'] if kind else [])])})`"
    yield from _docstring(inspect.getdoc(function) or "")
    if kind:
        yield "| Keyword | Type | Default | |\n| --- | --- | --- | --- |\n" + "\n".join(
            f"| `{name}` | `{_cell(hint)}` | `{keyword.default!r}` | {keyword.text} |"
            for name, (hint, keyword) in keywords_of(kind).items()
        )


def _of(kind: Any) -> dict[str, Any]:
    return keywords_of(kind) if kind else {}


def _type(kind: type) -> Iterator[str]:
    yield f"### `{kind.__name__}`"
    yield from _docstring(inspect.getdoc(kind) or "")
    if issubclass(kind, enum.Enum):
        yield "\n".join(f"- `{kind.__name__}.{each.name}`: `{each.value!r}`" for each in kind)
    elif issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        rows = (f"| `{name}` | `{_cell(hints[name])}` |" for name in kind.__struct_fields__)
        yield "| Field | Type |\n| --- | --- |\n" + "\n".join(rows)
    for name in ("summary", "records", "to_dict"):
        method = getattr(kind, name, None)
        if method is not None:
            yield f"#### `{kind.__name__}.{name}({_parameters(method)})`"
            yield from _docstring(inspect.getdoc(method) or "")


def _parameters(method: Callable[..., Any]) -> str:
    given_ones = list(inspect.signature(method).parameters.values())[1:]
    return ", ".join(str(each.replace(annotation=each.empty)) for each in given_ones)


def _docstring(text: str) -> Iterator[str]:
    """Yield the parts of a docstring, without the keywords, which a table has; examples and lists as Markdown."""
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if block.startswith(">>>"):
            yield f"```pycon\n{block}\n```"
        elif block.startswith("Errors:"):
            yield "Errors:\n\n" + "\n".join(re.sub(r"^(\w+):", r"- `\1`:", line[4:]) for line in lines[1:])
        elif not block.startswith("Keywords:"):
            yield block if not block.startswith("    ") else f"```text\n{block}\n```"


def _cell(hint: Any) -> str:
    """Return a type as one writes it, without the modules' names, and so that it stands in a table."""
    shown = hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
    return _MODULES.sub("", shown).replace("|", "\\|").replace("NoneType", "None")


def _tree(module: ModuleType) -> str:
    """Return the tree of errors from the module's docstring."""
    return "\n".join(line[4:] for line in (module.__doc__ or "").splitlines() if line.startswith("    "))


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(render_page())
