"""The TOML form of a policy: `[roles.NAME]` tables, and `images`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from inspector.names import is_host, states_host
from inspector.oci import Platform
from inspector.policy.location import Location
from inspector.policy.role import Listed, Policy, Role
from inspector.policy.rule import Rule
from inspector.policy.rules import RULES
from inspector.policy.setting import Setting, Written, attribute, texts
from inspector.policy.steps import shorten
from inspector.policy.values import did_you_mean, glob, reference

MAX_SHOWN = 300
"""Characters of a name that a message shows."""
_HINTS = {
    "images": "a list of references, or [[images]] tables of reference and role",
    "roles": "tables [roles.NAME]",
    "registries": "tables [registries.'HOST']",
    "settings": "a table [settings] of options",
    "trust-toc": "true or false",
}
_OWN_HINTS = {
    "description": "a text",
    "dockerfile": "a path, as in 'deploy/Dockerfile.api'",
    "python-command": "a name as in 'python3.12', or an absolute path",
    "platform": "os/arch, as in 'linux/amd64'",
}
_MATCH = texts("match", glob, "a list of patterns, as in ['api:prod', 'api:release-*']")


class RoleTable(msgspec.Struct, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    """What `[roles.NAME]` may state beside the keys of rules."""

    description: str = ""
    match: list[str] = []
    dockerfile: str | None = None
    python_command: str = "python"
    platform: str | None = None


class ImageTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[[images]]` as written."""

    reference: str
    role: str | None = None


class RegistryTable(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    """`[registries."HOST"]` as written."""

    trust_toc: bool = False


class Tables(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file, its roles, images and registries still raw; `settings` are the command line's to read."""

    roles: dict[str, Any] = {}
    registries: dict[str, Any] = {}
    images: list[Any] = []
    settings: dict[str, Any] = {}


def policy_of_tables(raw: Mapping[str, Any], origin: str, rules: tuple[Rule, ...] = ()) -> Policy:
    """Return the policy that decoded TOML holds; its roles may state `rules` too. Raises `PolicyError`."""
    location = Location(origin)
    tables = location.convert(dict(raw), Tables, _HINTS)
    if not tables.roles:
        raise location.error("no roles: write at least one table [roles.NAME]")
    settings = _settings((*RULES, *rules))
    kind, hints = _table_of(settings)
    read = _Reader(origin, rules, settings, kind, hints)
    roles = tuple(read.role(name, table) for name, table in tables.roles.items())
    names = dict.fromkeys(role.name for role in roles)
    images = tuple(_listed(image, Location(origin, f"images[{at}]"), names) for at, image in enumerate(tables.images))
    return Policy(origin=origin, roles=roles, images=images, trust_toc=_trusted(tables.registries, origin))


def _trusted(registries: Mapping[str, Any], origin: str) -> tuple[str, ...]:
    """List the registries whose tables of contents the policy trusts."""
    found = []
    for host, raw in registries.items():
        location = Location(origin, f"registry {shorten(host, MAX_SHOWN)!r}")
        location.check(None, _host, host)
        if location.convert(raw, RegistryTable, _HINTS).trust_toc:
            found.append(host)
    return tuple(found)


def _host(text: str) -> str:
    if not (is_host(text) and states_host(f"{text}/")):
        raise ValueError("no registry's host; write it as image names do, in quotes: [registries.'ghcr.io']")
    return text


def _listed(raw: Any, location: Location, roles: Mapping[str, None]) -> Listed:
    table = ImageTable(raw) if isinstance(raw, str) else location.convert(raw, ImageTable, {})
    if not table.reference.strip():
        raise location.error("an empty reference; write one as in 'docker-archive:build/api.tar'", "reference")
    location.check("reference", reference, table.reference)
    if table.role is not None and table.role not in roles:
        raise location.error(f"no role {shorten(table.role, MAX_SHOWN)!r}; {did_you_mean(table.role, roles)}", "role")
    return Listed(table.reference, table.role)


def _settings(rules: Sequence[Rule]) -> Sequence[Setting[Any]]:
    """List the settings of all rules, each once. Raises `ValueError` where two of them share a name or a key."""
    found = dict.fromkeys(setting for rule in rules for setting in rule.settings)
    names = [setting.name for setting in found]
    names += [attribute(key.name) for setting in found for key in setting.keys if attribute(key.name) != setting.name]
    names += Role.own()
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"two settings of roles are called {twice!r}: rename that of the added rule")
    return list(found)


def _table_of(settings: Sequence[Setting[Any]]) -> tuple[type[RoleTable], dict[str, str]]:
    """Return the struct that a role's table fits, with the keys of all settings, and the hints by key."""
    keys = {key.name: key for setting in settings for key in setting.keys}
    fields = [(attribute(key.name), key.kind, key.default) for key in keys.values()]
    kind: Any = msgspec.defstruct(
        "RoleTable", fields, bases=(RoleTable,), forbid_unknown_fields=True, rename="kebab", kw_only=True
    )
    hints = {key.name: key.hint for key in (*_MATCH.keys, *keys.values())}
    return kind, _OWN_HINTS | hints


class _Reader(msgspec.Struct, frozen=True):
    """Makes roles of their tables."""

    origin: str
    rules: tuple[Rule, ...]
    settings: Sequence[Setting[Any]]
    kind: type[RoleTable]
    hints: dict[str, str]

    def role(self, name: str, raw: Any) -> Role:
        location = Location(self.origin, f"role {shorten(name, MAX_SHOWN)!r}")
        if not name.strip() or not name.isprintable():
            raise location.error("a role needs a printable name")
        table = location.convert(raw, self.kind, self.hints)
        written = Written(location, table)
        stated = {setting.name: (setting.read(written), setting.default) for setting in self.settings}
        return Role(
            name=name,
            description=table.description,
            match=_MATCH.read(written),
            dockerfile=table.dockerfile,
            python_command=location.check("python-command", _command, table.python_command),
            platform=location.optional("platform", Platform.parse, table.platform),
            rules=self.rules,
            folder=str(Path(self.origin).parent),
            **{setting: value for setting, (value, default) in stated.items() if value != default},
        )


def _command(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} is no command: write a name as in 'python3.12', or an absolute path")
    return text
