"""What distributions require of each other on the image's platform: Requires-Dist with its markers (PEP 508)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from inspector.python.folders import STEPS_A_CHARACTER
from inspector.python.installed import Installed
from inspector.python.markers import is_common, marker_holds
from inspector.python.metadata import canonical, is_name
from inspector.python.model import Interpreter
from inspector.python.ranges import is_range, plainly_within
from inspector.work import Budget

_STEPS_A_REQUIREMENT = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FORM = (
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,199})[ \t]{0,9}(?:\[([A-Za-z0-9._, -]{1,999})\][ \t]{0,9})?"
    r"(?:([<>=!][^;()\[\]@\n\r\f\v]{0,200})|\(([<>=!][^;()\[\]@\n\r\f\v]{0,200})\)[ \t]{0,9})?(?:;([^;\n]{1,999}))?"
)
"""A requirement as tools write it: a name, perhaps extras, a range, within brackets or not, and a marker."""
_EXTRA = re.compile(r"extra\s{0,9}==\s{0,9}(['\"])([A-Za-z0-9._-]{0,200})\1\)?")


class Requirements:
    """The graph of requirements that hold for `interpreter`, worked out where it is asked for.

    `cut` says why some that were asked for are left out, empty where none are.
    """

    def __init__(self, installed: Collection[Installed], interpreter: Interpreter, budget: Budget) -> None:
        self.by_key: Mapping[str, Installed] = {found.key: found for found in installed}
        self._environment = marker_environment(interpreter)
        self._budget = budget
        self.cut = ""
        self._known: dict[tuple[str, str], tuple[tuple[str, frozenset[str]], ...]] = {}

    def of(self, installed: Installed, extra: str = "") -> tuple[tuple[str, frozenset[str]], ...]:
        """Return what it requires, with or because of `extra`: canonical names, and the extras asked of each."""
        known = self._known.get((installed.key, extra))
        if known is None:
            known = self._known[installed.key, extra] = tuple(self._evaluate(installed, extra))
        return known

    def closure(self, start: Collection[Installed], barred: Collection[str] = ()) -> dict[str, str]:
        """Return every name that `start` needs, themselves left out, to the name that needs it; installed or not.

        Through the `barred` the search does not go.
        """
        needed: dict[str, str] = {}
        todo = [(installed, "") for installed in start]
        done: set[tuple[str, str]] = set()
        while todo:
            installed, extra = todo.pop()
            if (installed.key, extra) in done:
                continue
            done.add((installed.key, extra))
            for name, extras in self.of(installed, extra):
                needed.setdefault(name, installed.key)
                following = self.by_key.get(name)
                if following is not None and name not in barred:
                    todo += [(following, wanted) for wanted in ("", *extras)]
        return needed

    def _evaluate(self, installed: Installed, extra: str) -> Iterator[tuple[str, frozenset[str]]]:
        if installed.cut:
            self.cut = self.cut or f"{installed.name} requires more than is read"
        for text in installed.requires:
            self._budget.spend("steps", _STEPS_A_REQUIREMENT, "requirements of distributions")
            only = _only_for_extra(text)
            if extra != only if only is not None else extra and ";" not in text:
                continue
            found = self._holds(text, extra)
            if found is not None:
                yield found

    def _holds(self, text: str, extra: str) -> tuple[str, frozenset[str]] | None:
        """Return the requirement's name and extras if its marker holds; None for one that doesn't or can't be read."""
        plain = _plain_name(text)
        if plain is not None:
            return canonical(plain), frozenset()
        self._budget.spend("steps", STEPS_A_CHARACTER * len(text), "characters of requirements")
        common = _common_form(text)
        if common is not None:
            name, extras, _, marker = common
            holds = marker_holds(marker, {**self._environment, "extra": extra}) if marker else True
            if holds is not None:
                return (name, extras) if holds else None
        from packaging.requirements import Requirement  # 30 ms, only where there is a torch

        try:
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({**self._environment, "extra": extra}):
                return None
        except (ValueError, RecursionError):  # every error of packaging's is a ValueError
            return None
        return canonical(requirement.name), frozenset(canonical(name) for name in requirement.extras)


def satisfies(version: str, text: str) -> bool:
    """Tell whether a version is one that a requirement asks for, its marker aside; False for one that can't be read."""
    common = _common_form(text)
    if common is not None and (not common[3] or is_common(common[3])):
        fits = plainly_within(version, common[2] or ">=0")
        if fits is not None:
            return fits
    from packaging.requirements import Requirement

    try:
        return Requirement(text).specifier.contains(version, prereleases=True)
    except (ValueError, RecursionError):  # every error of packaging's is a ValueError
        return False


def _common_form(text: str) -> tuple[str, frozenset[str], str, str] | None:
    """Return name, extras, range and marker of a requirement in the form that tools write; None for all others."""
    found = re.fullmatch(_FORM, text)
    if found is None:
        return None
    wanted = found[3] or found[4] or ""
    extras = [each.strip() for each in found[2].split(",")] if found[2] else []
    if not all(map(is_name, (found[1], *extras))) or (wanted and not is_range(wanted)):
        return None
    return canonical(found[1]), frozenset(map(canonical, extras)), wanted, found[5] or ""


def _plain_name(text: str) -> str | None:
    """Return the name in a requirement without extras, marker or URL, which needs no parser."""
    name = _NAME.match(text)
    rest = text[name.end() :].lstrip() if name else ""
    simple = not rest or (rest[0] in "<>=!~(" and not any(sign in rest for sign in ";[@"))
    return name[0] if name and simple else None


def _only_for_extra(text: str) -> str | None:
    """Give the one extra that a requirement is for, where its marker ends in `and extra == "…"`, as tools write it."""
    marker = text.partition(";")[2].strip()
    start = marker.rfind("extra")
    extra = _EXTRA.fullmatch(marker, start) if start >= 0 else None
    before = marker[:start].rstrip().removesuffix("(").rstrip()
    head = before.removesuffix("and").rstrip()
    if extra is None or (head and head == before):
        return None
    wrapped = head.startswith("(") and head.endswith(")") and head.count("(") == 1
    return canonical(extra[2]) if wrapped or " or " not in head else None


def marker_environment(interpreter: Interpreter) -> dict[str, str]:
    """Return all of PEP 508's variables as the image's interpreter has them, so that none is the host's."""
    minor = ".".join(interpreter.version.split(".")[:2])
    implementation = interpreter.implementation.lower()
    return {
        "implementation_name": implementation,
        "implementation_version": interpreter.version,
        "os_name": "posix",
        "platform_machine": interpreter.machine or "",
        "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(implementation, implementation),
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": interpreter.version,
        "python_version": minor,
        "sys_platform": "linux",
    }
