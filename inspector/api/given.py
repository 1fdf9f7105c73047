"""Images, policies and roles as a program has them at hand: text, path, mapping or value."""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from inspector.errors import PolicyError
from inspector.policy.load import find_nearest
from inspector.policy.load import load_policy as load_file
from inspector.policy.role import Fleet, Limits, Policy, Role
from inspector.policy.rule import Rule
from inspector.policy.rules import RULES
from inspector.policy.tables import policy_of_tables
from inspector.reference import STDIN, Reference, Scheme, parse_reference

Image = str | os.PathLike[str]
"""An image: a name or reference as on the command line, or the path of an archive or a layout."""
PolicyLike = Policy | Role | Mapping[str, Any] | str | os.PathLike[str] | None
"""A policy: a file's path, the tables of one, a value, one role for all images; None is the one that is found."""
NoVerdict = Literal[False]
"""In place of a policy: what the images hold, without a verdict."""
_ORIGIN = "policy"
_FROM_FILES = ("rules", "procedure", "folder", "stated", "name")


def image_of(given: Image) -> Reference:
    """Return the reference; a path is one on disk, whatever it looks like. Raises `InvalidReference`, `TypeError`."""
    if isinstance(given, str):
        return parse_reference(given)
    if not isinstance(given, os.PathLike):
        raise TypeError(f"an image is a text or a path, not {type(given).__name__}")
    text = os.fsdecode(given)
    reference = parse_reference(text)
    if reference.scheme is not Scheme.BARE or text == STDIN or not reference.is_path_like():
        reference = parse_reference(os.path.join(os.curdir, text))  # noqa: PTH118 - a Path drops the "./"
    return reference


def images_of(given: Image | Iterable[Image]) -> list[Reference]:
    """List the references of one image, or of several."""
    if isinstance(given, str | os.PathLike):
        return [image_of(given)]
    return [image_of(each) for each in given]


def load_policy(given: str | os.PathLike[str] | Mapping[str, Any], *, rules: Iterable[Rule] = ()) -> Policy:
    """Load a policy: a TOML or JSON file, a `pyproject.toml` with `[tool.inspector]`, or the tables of one as a dict.

    `rules` are checks beside the built-in ones: roles may state their keys.

    Errors:
        PolicyError: The file can't be read, or what it says is no policy.

    >>> inspector.load_policy("roles.toml").role("api").description
    'Production API: no ML dependencies'
    >>> inspector.load_policy({"roles": {"api": {"torch": "absent", "max-size": "1 GB"}}}).roles[0].name
    'api'
    """
    if isinstance(given, Mapping):
        return policy_of_tables(given, _ORIGIN, tuple(rules))
    return load_file(given, rules=rules)


def policy_of(given: PolicyLike) -> Policy:
    """Return the policy; None is `inspector.toml` here or in the nearest folder above. Raises `PolicyError`."""
    match given:
        case None:
            return _nearest()
        case Policy():
            return msgspec.structs.replace(given, roles=_checked(given.roles))
        case Role():
            return Policy(origin=_ORIGIN, roles=_checked([given]))
        case _:
            return load_policy(given)


def role_for_all(given: PolicyLike, role: str | Role | None) -> tuple[PolicyLike, str | None]:
    """Return the policy, and the name of the one role that every image is checked in, if there is such a one."""
    if isinstance(role, Role):
        if given is not None:
            raise PolicyError(f"role={role.name!r} is a whole role, so there is no use for a policy: leave one out")
        return role, role.name
    return given, given.name if role is None and isinstance(given, Role) else role


def _nearest() -> Policy:
    found = find_nearest(Path.cwd())
    if found is None:
        raise PolicyError("no policy: name a .toml or .json file, give a dict or a role, or write inspector.toml")
    return load_file(found)


def _checked(roles: Iterable[Role]) -> tuple[Role, ...]:
    """Read as a file's the roles that a program made, so that a misspelt key or value is refused as it is there."""
    roles = tuple(roles)
    twice = next((name for name, count in Counter(role.name for role in roles).items() if count > 1), None)
    if twice is not None:
        raise PolicyError(f"two roles are called {twice!r}: rename one")
    return tuple(role if role.folder is not None or role.procedure else _read(role) for role in roles)


def _read(role: Role) -> Role:
    table: dict[str, Any] = {}
    defaults = {name: each.default for name, each in inspect.signature(Role).parameters.items()}
    for name in role.own():
        value = getattr(role, name)
        if name not in _FROM_FILES and value != defaults[name]:
            table[_key(name)] = _written(value)
    settings = {setting.name: setting for rule in (*RULES, *role.rules) for setting in rule.settings}
    fleets: dict[str, Any] = {}
    for name, value in role.stated.items():
        if isinstance(value, Fleet):
            table[_key(name)] = value.name
            fleets[value.name] = {"hosts": msgspec.to_builtins(value.hosts)}
        elif isinstance(value, Limits) and name in settings:
            sizes = zip(settings[name].keys, (value.warn, value.most), strict=True)
            table |= {key.name: f"{size} B" for key, size in sizes if size is not None}
        else:
            table[_key(name)] = _written(value)
    raw = {"roles": {role.name: table}, "fleets": fleets}
    return policy_of_tables(raw, _ORIGIN, cast("tuple[Rule, ...]", role.rules)).roles[0]


def _key(name: str) -> str:
    return name.replace("_", "-")


def _written(value: Any) -> Any:
    """Return a value as a file has it."""
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    return value if isinstance(value, str | bool | int | float) or value is None else str(value)
