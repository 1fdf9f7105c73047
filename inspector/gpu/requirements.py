"""`NVIDIA_REQUIRE_…`: the conditions on driver and GPU under which an image lets itself be started.

Two programs evaluate them: libnvidia-container in the legacy mode (src/cli/dsl.c, configure.c), and, for Tegra, the
toolkit (internal/requirements). They differ in what they refuse, so both are followed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from inspector.gpu.versions import SEMANTIC, Order, compare, compare_semantic

MAX_EXPRESSION = 128
"""Bytes of a false condition, written with spaces, from which libnvidia-container calls it invalid (EXPR_MAX)."""
MAX_REQUIREMENTS = 32
"""Expressions that libnvidia-container takes (cli.h)."""
PREFIX = "NVIDIA_REQUIRE_"

_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_OPERATORS: Mapping[str, frozenset[Order]] = {
    "=": frozenset({0}),
    "!=": frozenset({-1, 1}),
    "!": frozenset({-1, 1}),  # dsl.c compares as many characters as the text has
    "<": frozenset({-1}),
    "<=": frozenset({-1, 0}),
    ">": frozenset({1}),
    ">=": frozenset({0, 1}),
}
_CONDITION = r"(?s)([^<>=!]+)([<>=!]+)([^<>=!].*)"
_LONGEST_FIRST = ("!=", "<=", ">=", "=", "<", ">")


class Properties(msgspec.Struct, frozen=True):
    """What the conditions ask of a host and one GPU; None is satisfied by every condition.

    `brands` are the names that libnvidia-container may give to the GPU: one, or several where it is not known which.
    """

    cuda: str | None = None
    driver: str | None = None
    arch: str | None = None
    brands: tuple[str, ...] | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Why a container is not started; `certain` is False where it depends on a property that is not known."""

    message: str
    certain: bool = True


class Invalid(Exception):
    """A condition that the program can't evaluate, which refuses the start as one does that is not met."""


def requirements(environment: Mapping[str, str]) -> list[str]:
    """Return the expressions that must all hold, by the names of their variables. Raises `Invalid`.

    A legacy image, one that sets CUDA_VERSION without NVIDIA_REQUIRE_CUDA, requires that version (cuda_image.go).
    """
    if environment.get("NVIDIA_DISABLE_REQUIRE", "") in _TRUE:
        return []
    found = [
        value
        for name, value in sorted(environment.items())
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}JETPACK")
    ]
    if is_legacy(environment):
        version = re.fullmatch(SEMANTIC, environment["CUDA_VERSION"])
        if version is None:
            raise Invalid(f"CUDA_VERSION={environment['CUDA_VERSION']} is not a version")
        found.append(f"cuda>={version[1]}.{version[2] or 0}")
    return found


def is_legacy(environment: Mapping[str, str]) -> bool:
    """Tell whether the toolkit takes the image for one from before NVIDIA_REQUIRE_CUDA (cuda_image.go, IsLegacy)."""
    return bool(environment.get("CUDA_VERSION")) and not environment.get("NVIDIA_REQUIRE_CUDA")


def refusal(expressions: Iterable[str], host: Properties) -> Refusal | None:
    """Return why libnvidia-container refuses a container with these requirements on a GPU; None if it starts it."""
    brands = host.brands if host.brands is not None else (None,)
    found = [_first_refusal(expressions, host, brand) for brand in brands]
    refused = [each for each in found if each is not None]
    return Refusal(refused[0], certain=len(refused) == len(found)) if refused else None


def _first_refusal(expressions: Iterable[str], host: Properties, brand: str | None) -> str | None:
    for number, expression in enumerate(expressions):
        if number >= MAX_REQUIREMENTS:
            return "too many requirements"
        try:
            met = evaluate(expression, host, brand)
        except Invalid:
            return f"invalid expression: {expression}"
        if not met:
            return f"unsatisfied condition: {expression.partition(' ')[0]}"
    return None


def evaluate(expression: str, host: Properties, brand: str | None = None) -> bool:
    """Evaluate one expression from left to right, as far as its value needs it (dsl_evaluate). Raises `Invalid`.

    >>> evaluate("cuda>=12.4 brand=tesla,driver>=535,driver<536", Properties("12.2", "535.183.01"), "Tesla")
    True
    """
    met = True
    for term in filter(None, expression.split(" ")):
        for condition in filter(None, term.split(",")):
            met = _condition(condition, host, brand)
            if not met:
                break
        else:
            return met  # a term of commas alone leaves the value as it was, and ends the search
    return met


def _condition(condition: str, host: Properties, brand: str | None) -> bool:
    found = re.fullmatch(_CONDITION, condition)
    wanted = _OPERATORS.get(found[2]) if found else None
    if found is None or wanted is None:
        raise Invalid(condition)
    name, operator, value = found.groups()
    met = _compare(name.lower(), wanted, value, host, brand)
    if not met and len(f"{name} {operator} {value}".encode("utf-8", "surrogateescape")) >= MAX_EXPRESSION:
        raise Invalid(condition)
    return met


def _compare(name: str, wanted: frozenset[Order], value: str, host: Properties, brand: str | None) -> bool:
    if name == "brand":
        if wanted not in (_OPERATORS["="], _OPERATORS["!="]):
            if brand is None:
                return True
            raise Invalid(value)
        return brand is None or (brand.lower() == value.lower()) is (0 in wanted)
    properties = {"cuda": host.cuda, "driver": host.driver, "arch": host.arch}
    if name not in properties:
        raise Invalid(name)
    known = properties[name]
    if known is None:
        return True
    order = compare(known, value)
    if order is None:
        raise Invalid(value)
    return order in wanted


def refusal_on_tegra(expressions: Iterable[str], host: Properties) -> Refusal | None:
    """Return why the toolkit itself refuses a container in its csv mode; None if it starts it.

    There, `cuda` and `arch` have values alone; names that it does not know are passed over, and their case counts
    (internal/requirements/constraints).
    """
    for expression in expressions:
        try:
            terms = [_factors(term, host) for term in expression.split(" ")]
        except Invalid as error:
            return Refusal(f"invalid constraint: {error}")
        asked = [factors for factors in terms if factors]
        if asked and not any(all(factors) for factors in asked):
            return Refusal(f"unsatisfied condition: {expression.partition(' ')[0]}")
    return None


def _factors(term: str, host: Properties) -> list[bool]:
    found = []
    for condition in filter(str.strip, term.split(",")):
        name = re.split("[<>=!]", condition, maxsplit=1)[0]
        if name == condition:
            raise Invalid(condition)
        if name not in ("cuda", "driver", "arch", "brand"):
            continue
        rest = condition[len(name) :]
        operator = next((each for each in _LONGEST_FIRST if rest.startswith(each)), "")
        value = rest[len(operator) :]
        if name == "brand":
            found.append(_by_text(operator, value))
            continue
        known = {"cuda": host.cuda, "arch": host.arch, "driver": None}[name]
        order = compare_semantic(known or "", value)
        if order is None or not operator:
            raise Invalid(condition)
        found.append(order in _OPERATORS[operator])
    return found


def _by_text(operator: str, value: str) -> bool:
    """Compare the brand, which is empty on Tegra, as Go compares texts."""
    if not operator:
        raise Invalid(value)
    order: Order = 0 if not value else -1
    return order in _OPERATORS[operator]
