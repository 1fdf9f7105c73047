"""What two sets of facts about one image say differently: what only one of them states is no difference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from inspector.facts import ImageFacts

OF_THE_READING = frozenset({"reference", "source", "evidence", "cached", "tags", "warnings", "runtime"})
"""Fields that tell of the medium and of the way taken."""
AS_STORED = frozenset({"digest", "compressed_size", "compressed"})
"""Fields that tell how the medium packs layers."""
PATHS = ("search_path", "hooks")
"""Fields of the interpreter to which .pth files add."""
OF_PTH_FILES = frozenset({"search_path", "hooks"})
"""Fields of the interpreter that .pth files add to, which whoever can't list folders says it hasn't seen."""
ANSWERS = frozenset({"version", "cuda", "hip", "xpu", "path"})
"""Fields of torch in which None is an answer, once it is known whether it is there and of which build."""


def differences(facts: ImageFacts | dict[str, Any], others: ImageFacts | dict[str, Any]) -> list[str]:
    """Each place where both state something, and not the same: its path and both values."""
    one, other = _plain(facts), _plain(others)
    return _compare("facts", _as_far_as(one, other), _as_far_as(other, one))


def _as_far_as(facts: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """The facts without what only .pth files tell, where the others were read by `files`, which may not see them."""
    one, other = facts["interpreter"], others["interpreter"]
    partial = others["evidence"]["access"] == "files" != facts["evidence"]["access"]
    if not partial or "unknown" in one or "unknown" in other:
        return facts
    seen = {name: _common(one[name], other[name]) for name in PATHS}
    return {**facts, "interpreter": {**one, **seen}}


def _common(whole: Iterable[Any], part: Iterable[Any]) -> list[Any]:
    """What of `whole` is in `part`, each as often as there; one may stand twice on a search path."""
    left = [*part]
    found = []
    for each in whole:
        if each in left:
            left.remove(each)
            found.append(each)
    return found


def _plain(facts: ImageFacts | dict[str, Any]) -> Any:
    return facts if isinstance(facts, dict) else msgspec.to_builtins(facts)


def _missing_more(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What `one` has and `other` has not, or in another order; both lose the fields that this is about."""
    found: list[str] = []
    ours, theirs = dict(one["interpreter"]), dict(other["interpreter"])
    for name in OF_PTH_FILES & ours.keys() & theirs.keys():
        mine, rest = ours.pop(name), iter(theirs.pop(name))
        if not all(each in rest for each in mine):
            found.append(f"facts.interpreter.{name}: {mine!r}, some of it nowhere else")
    one["interpreter"], other["interpreter"] = ours, theirs
    return found


def _compare(path: str, one: Any, other: Any) -> list[str]:
    if not (_is_stated(one) and _is_stated(other)):
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        return _compare_fields(path, one, other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [difference for place, pair in pairs for difference in _compare(f"{path}[{place}]", *pair)]
    return [] if one == other else [f"{path}: {one!r} and {other!r}"]


def _compare_fields(path: str, one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    names = (one.keys() & other.keys()) - OF_THE_READING - AS_STORED
    if "unknown" in (*one.values(), *other.values()):
        names -= {"reasons"}  # those for what one leaves open
    if _says_of_torch(one) and _says_of_torch(other):
        answers = {name: (one[name], other[name]) for name in ANSWERS}
        found = [f"{path}.{name}: {a!r} and {b!r}" for name, (a, b) in answers.items() if a != b]
        names -= ANSWERS
    else:
        found = []
    return found + [each for name in sorted(names) for each in _compare(f"{path}.{name}", one[name], other[name])]


def _says_of_torch(fields: dict[str, Any]) -> bool:
    return "build" in fields and "installed" in fields and (not fields["installed"] or fields["build"] != "unknown")


def _is_stated(value: Any) -> bool:
    return value not in (None, "unknown") and not (isinstance(value, dict) and "unknown" in value)
