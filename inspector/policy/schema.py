"""The JSON Schema (draft 2020-12) of policy files, which follows from the declarations of their keys.

What a schema can't express is left to `load_policy`: contradictions between keys, and parsers' finer points.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, get_args, get_origin

from inspector.gpu.hosts import MAX_GPUS, MAX_HOSTS
from inspector.policy.fleets import FILE, HOSTS, MAX_FLEETS, OF_HOST
from inspector.policy.rule import Rule
from inspector.policy.rules import RULES
from inspector.policy.rules.fleet import FLEETS
from inspector.policy.setting import MAX_PATTERNS, Key
from inspector.policy.tables import IMAGES, OWN, REGISTRIES, ROLES, TOP, TRUST_TOC
from inspector.policy.waivers import KEYS as WAIVER_KEYS
from inspector.policy.waivers import REQUIRED, WAIVERS
from inspector.policy.waivers import ROLE_KEYS as ROLE_WAIVER_KEYS

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}


def role_keys(rules: Iterable[Rule] = RULES) -> list[Key]:
    """List the keys of `[roles.NAME]`, each once: its own, then those of rules."""
    return list(dict.fromkeys([*OWN, *(key for rule in rules for setting in rule.settings for key in setting.keys)]))


def schema(rules: Iterable[Rule] = RULES) -> dict[str, Any]:
    """Return the schema of `inspector.toml`; `rules` are all those whose keys roles may state."""
    top = {key.name: _described(key, _kind(key)) for key in TOP}
    top[ROLES.name] |= {"minProperties": 1, "additionalProperties": {"$ref": "#/$defs/role"}}
    top[REGISTRIES.name] |= {"additionalProperties": _table([TRUST_TOC])}
    top[FLEETS.name] |= {"maxProperties": MAX_FLEETS, "additionalProperties": {"$ref": "#/$defs/fleet"}}
    top[IMAGES.name] |= {"items": {"anyOf": [_reference(), {"$ref": "#/$defs/image"}]}}
    top[WAIVERS.name] |= {"items": {"$ref": "#/$defs/waiver"}}
    role = _table(role_keys(rules))
    role["properties"][WAIVERS.name] |= {"items": _waiver(ROLE_WAIVER_KEYS)}
    image = {
        "type": "object",
        "properties": {"reference": _reference(), "role": _TEXT | {"description": "The role; else by its names."}},
        "required": ["reference"],
        "additionalProperties": False,
    }
    return {
        "$schema": DRAFT,
        "title": "The policy of inspector",
        "type": "object",
        "properties": top,
        "required": [ROLES.name],
        "additionalProperties": False,
        "$defs": {"role": role, "image": image, "waiver": _waiver(WAIVER_KEYS), "fleet": _fleet(), "host": _host()},
    }


def render_schema() -> str:
    """Return the schema as text."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _reference() -> dict[str, Any]:
    return _TEXT | {"pattern": r"\S", "description": "An image, as on the command line."}


def _table(keys: Iterable[Key]) -> dict[str, Any]:
    properties = {key.name: _described(key, _kind(key)) for key in keys}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _fleet() -> dict[str, Any]:
    fleet = _table([HOSTS, FILE])
    fleet["properties"][HOSTS.name] |= {"items": {"$ref": "#/$defs/host"}, "minItems": 1, "maxItems": MAX_HOSTS}
    return fleet | {"oneOf": [{"required": [HOSTS.name]}, {"required": [FILE.name]}]}


def _host() -> dict[str, Any]:
    host = _table(OF_HOST)
    host["properties"]["gpus"] |= {"minItems": 1, "maxItems": MAX_GPUS}
    return host | {"required": [key.name for key in OF_HOST if not key.unset]}


def _waiver(keys: Iterable[Key]) -> dict[str, Any]:
    return _table(keys) | {"required": [key.name for key in REQUIRED]}


def _described(key: Key, kind: Mapping[str, Any]) -> dict[str, Any]:
    """Add what the key is about, and its default, where that is a value."""
    told = f"{key.about} Left out: {key.unset}" if key.unset else key.about
    default = list(key.default) if isinstance(key.default, tuple) else key.default
    return {"description": told, **kind, **({} if default is None else {"default": default})}


def _kind(key: Key) -> dict[str, Any]:
    if key.words is not None:
        return {"enum": list(key.words())}
    if get_origin(key.kind) is list:
        items = _TEXT | dict(key.form) if get_args(key.kind) == (str,) else {}
        return {"type": "array", "items": items} | ({"maxItems": MAX_PATTERNS} if items else {})
    if get_origin(key.kind) is dict:
        return {"type": "object"}
    return {"type": "boolean"} if key.kind is bool else _TEXT | dict(key.form)
