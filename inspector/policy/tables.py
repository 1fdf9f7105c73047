"""The TOML form of a policy: `[roles.NAME]` tables, and `images`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from inspector.errors import Fault, PolicyError
from inspector.names import is_host, states_host
from inspector.oci import Platform
from inspector.policy.location import Faults, Location
from inspector.policy.role import Fleet, Listed, Policy, Role, Waiver
from inspector.policy.rule import Rule
from inspector.policy.rules import RULES
from inspector.policy.rules.fleet import FLEETS
from inspector.policy.setting import Key, Setting, Written, attribute, table_of, texts
from inspector.policy.steps import shorten
from inspector.policy.values import GLOB_FORM, did_you_mean, glob, reference
from inspector.policy.waivers import ROLE_WAIVERS, WAIVERS, WaiverReader

MAX_SHOWN = 300
"""Characters of a name that a message shows."""
DESCRIPTION = Key("description", str, "a text", "", about="What the role is, for reports.", unset="No description.")
DOCKERFILE = Key(
    "dockerfile",
    str | None,
    "a path, as in 'deploy/Dockerfile.api'",
    about="The Dockerfile of the role's images, which advice names, with the line of the step at fault.",
    unset="Advice speaks of the Dockerfile.",
)
COMMAND = Key(
    "python-command",
    str,
    "a name as in 'python3.12', or an absolute path",
    "python",
    about="The command whose Python is asked, by name or absolute path.",
    unset="`python`, and, where the image's own command runs another Python, that one too.",
    form={"minLength": 1},
)
PLATFORM = Key(
    "platform",
    str | None,
    "os/arch, as in 'linux/amd64'",
    about="The platform of the images, as `os/arch` or `os/arch/variant`.",
    unset="This machine's of several; an image of one platform may be of any.",
    form={"pattern": "^[^/]+/[^/]+(/[^/]+)?$"},
)
DEFAULT = Key(
    "default",
    bool,
    "true or false",
    default=False,
    about="Whether images that no `match` of any role fits are in this role; one role only may say so.",
    unset="Images that no `match` fits are in no role, and `UNKNOWN`.",
)
MATCH = texts(
    "match",
    glob,
    "a list of patterns, as in ['api:prod', 'api:release-*']",
    about="Which images are in the role: globs over their names (`*` takes in `/`; `?`; `[…]`). The most exact wins.",
    unset="The role is for `--role`, for `images` that state it, or, with `default`, for all others.",
    form=GLOB_FORM,
)
IGNORE = texts(
    "ignore",
    glob,
    "a list of patterns, as in ['*:debug', 'postgres:*']",
    about="Globs over names of images that are left out and counted; one that is named by itself is checked.",
    unset="No image is left out.",
    form=GLOB_FORM,
)
IMAGES = Key(
    "images",
    list[Any],
    "a list of references, or [[images]] tables of reference and role",
    (),
    about="Images to check where the command line names none; relative paths begin at the policy's folder.",
    unset="The engine's images that the roles' `match` fits.",
)
ROLES = Key(
    "roles", dict[str, Any], "tables [roles.NAME]", about="The roles, at least one: a table `[roles.NAME]` each."
)
REGISTRIES = Key(
    "registries",
    dict[str, Any],
    "tables [registries.'HOST']",
    about="What is to be known of registries: a table `[registries.'HOST']` each.",
    unset="No registry is special.",
)
TRUST_TOC = Key(
    "trust-toc",
    bool,
    "true or false",
    default=False,
    about="Whether tables of contents of the registry's layers (eStargz, zstd:chunked) are believed unread.",
    unset="Layers are read whole.",
)
SETTINGS = Key(
    "settings",
    dict[str, Any],
    "a table [settings] of options",
    about="Options of the command line as they are without an option or a variable of the environment.",
    unset="Options are as `--help` says.",
)
TOP = (IMAGES, *IGNORE.keys, ROLES, FLEETS, WAIVERS, REGISTRIES, SETTINGS)
"""The keys at the top of a policy file."""
OWN = (DESCRIPTION, *MATCH.keys, DEFAULT, DOCKERFILE, COMMAND, PLATFORM, ROLE_WAIVERS)
"""The keys of `[roles.NAME]` beside those of rules."""
_FILE, _REGISTRY = table_of(TOP), table_of([TRUST_TOC])


class ImageTable(msgspec.Struct, forbid_unknown_fields=True):
    """`[[images]]` as written."""

    reference: str
    role: str | None = None


def policy_of_tables(raw: Mapping[str, Any], origin: str, rules: tuple[Rule, ...] = ()) -> Policy:
    """Return the policy that decoded TOML holds; its roles may state `rules` too.

    Raises `PolicyError` with all faults.
    """
    location, faults = Location(origin), Faults(origin)
    tables, wrong, _ = location.partial(dict(raw), *_FILE)
    faults.add(wrong)
    assert tables is not None  # each of its keys may be left out
    if not tables.roles and not wrong:
        faults.add([location.fault("no roles: write at least one table [roles.NAME]")])
    settings = _settings((*RULES, *rules))
    waiving = WaiverReader(tables.roles, [rule.check for rule in (*RULES, *rules)], faults)
    waivers = list(waiving.read(tables.waivers, location))
    fleets: Mapping[str, Fleet | None] = {}
    if tables.fleets:
        from inspector.policy.fleets import read_fleets  # brings what is known of GPUs

        fleets = read_fleets(tables.fleets, origin, faults)
    keys = [*OWN, *(key for setting in settings for key in setting.keys)]
    read = _Reader(origin, rules, settings, *table_of(keys), faults, waiving, waivers, fleets)
    roles = tuple(role for name, table in tables.roles.items() if (role := read.role(name, table)))
    faults.add(_second_default(tables.roles, origin))
    images: list[Listed] = []
    ignore: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    for at, image in enumerate(tables.images):
        with faults.collected():
            images.append(_listed(image, Location(origin, f"images[{at}]", ("images", at)), tables.roles))
    with faults.collected():
        ignore = IGNORE.read(Written(location, tables))
    with faults.collected():
        trusted = _trusted(tables.registries, origin)
    faults.raise_all()
    return Policy(
        origin=origin, roles=roles, images=tuple(images), trust_toc=trusted, ignore=ignore, waivers=tuple(waivers)
    )


def _second_default(roles: Mapping[str, Any], origin: str) -> Iterator[Fault]:
    """Yield a fault for each role that is the default beside an earlier one."""
    first, *others = [n for n, raw in roles.items() if isinstance(raw, dict) and raw.get(DEFAULT.name) is True] or [""]
    for name in others:
        sentence = f"the role {shorten(first, MAX_SHOWN)!r} is the default already; one role has the rest"
        yield _role_at(origin, name).fault(sentence, DEFAULT.name)


def _role_at(origin: str, name: str) -> Location:
    return Location(origin, f"role {shorten(name, MAX_SHOWN)!r}", ("roles", name))


def _trusted(registries: Mapping[str, Any], origin: str) -> tuple[str, ...]:
    """List the registries whose tables of contents the policy trusts."""
    found, faults = [], Faults(origin)
    for host, raw in registries.items():
        location = Location(origin, f"registry {shorten(host, MAX_SHOWN)!r}", ("registries", host))
        with faults.collected():
            location.check(None, _host, host)
            if location.convert(raw, *_REGISTRY).trust_toc:
                found.append(host)
    faults.raise_all()
    return tuple(found)


def _host(text: str) -> str:
    if not (is_host(text) and states_host(f"{text}/")):
        raise ValueError("no registry's host; write it as image names do, in quotes: [registries.'ghcr.io']")
    return text


def _listed(raw: Any, location: Location, roles: Mapping[str, Any]) -> Listed:
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


class _Failed(msgspec.Struct, frozen=True):
    """What one setting says is wrong: the keys that it is about, and the others that it looked up."""

    keys: set[str]
    others: set[str]
    faults: tuple[Fault, ...]


class _Reader(msgspec.Struct, frozen=True):
    """Makes roles of their tables, and collects their waivers and faults."""

    origin: str
    rules: tuple[Rule, ...]
    settings: Sequence[Setting[Any]]
    kind: type[Any]
    hints: dict[str, str]
    faults: Faults
    waiving: WaiverReader
    waivers: list[Waiver]
    fleets: Mapping[str, Fleet | None]

    def role(self, name: str, raw: Any) -> Role | None:
        """Return the role; None where it has faults."""
        location, before = _role_at(self.origin, name), len(self.faults.found)
        with self.faults.collected():
            if not name.strip() or not name.isprintable():
                raise location.error("a role needs a printable name")
            table, wrong, at_fault = location.partial(raw, self.kind, self.hints)
            self.faults.add(wrong)
            assert table is not None  # each of its keys may be left out
            stated = self._stated(location, table, at_fault)
            own = self._own(location, table)
            self.waivers.extend(self.waiving.read(table.waivers, location, name))
            if len(self.faults.found) == before:
                return Role(name=name, rules=self.rules, folder=str(Path(self.origin).parent), **own, **stated)
        return None

    def _own(self, location: Location, table: Any) -> dict[str, Any]:
        """Read what every role has."""
        found: dict[str, Any] = {name: getattr(table, name) for name in ("description", "dockerfile", "default")}
        with self.faults.collected():
            found["match"] = MATCH.read(Written(location, table))
        with self.faults.collected():
            found["python_command"] = location.check(COMMAND.name, _command, table.python_command)
        with self.faults.collected():
            found["platform"] = location.optional(PLATFORM.name, Platform.parse, table.platform)
        return found

    def _stated(self, location: Location, table: Any, at_fault: set[str]) -> dict[str, Any]:
        """Read all settings. A fault that only follows from another key's is left out."""
        found: dict[str, Any] = {}
        failed: list[_Failed] = []
        for setting in self.settings:
            written = Written(location, table, self.fleets)
            try:
                value = setting.read(written)
            except PolicyError as error:
                keys = {key.name for key in setting.keys}
                failed.append(_Failed(keys, written.asked - keys, error.faults))
            else:
                found |= {setting.name: value} if value != setting.default else {}
        for each in sorted(failed, key=lambda each: len(each.others)):  # the first of them is never left out
            if not each.others & at_fault:
                self.faults.add(each.faults)
                at_fault = at_fault | each.keys
        return found


def _command(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} is no command: write a name as in 'python3.12', or an absolute path")
    return text
