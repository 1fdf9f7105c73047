"""A starting policy that images at hand pass: one role for each repository, or for each answer within it.

What an image chose itself (names, versions, steps) is hostile: it goes into texts of TOML and comments escaped, and
what is no valid pattern is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from glob import escape

import msgspec
from packaging.version import Version

from inspector.facts import ImageFacts
from inspector.names import repository_in, tag_in
from inspector.policy.judge import judge
from inspector.policy.patterns import pattern_of
from inspector.policy.role import Role
from inspector.policy.rules import RULES
from inspector.policy.setting import MAX_PATTERNS
from inspector.policy.steps import shorten
from inspector.policy.tables import policy_of_tables
from inspector.policy.values import glob
from inspector.policy.versions import parsed
from inspector.python.metadata import canonical
from inspector.sizes import SHOWN_UNITS, UNITS, show_size
from inspector.torchbuild.kinds import kind_names
from inspector.torchbuild.model import build_name
from inspector.unknown import Absent, Unknown

WARN_ABOVE, FAIL_ABOVE = 110, 125
"""Percent of the size that was seen."""
UNWANTED = ("nvidia-*", "triton")
"""What CUDA builds bring, and no other."""
MAX_COMMENT = 300
"""Characters of a line of a comment."""
SCHEMA = "inspector.schema.json"
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_NOT_NAME = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """An image that was looked at: its names, as the policy will meet them, and its facts or why there are none.

    `reference` is to be listed as one of `images`; empty where it is not.
    """

    names: tuple[str, ...]
    facts: ImageFacts | None = None
    error: str = ""
    reference: str = ""
    dockerfile: str | None = None


class _Group(msgspec.Struct, frozen=True):
    """Images of one repository with the same answer: their names, and what was looked at."""

    repository: str
    names: tuple[str, ...]
    images: tuple[Looked, ...]
    alone: bool
    """Whether the repository has no other answer, so that the role is for all its tags."""


def starting_policy(images: Sequence[Looked], left_out: Sequence[str] = ()) -> tuple[str, int]:
    """Return the text of a policy that the images pass, and how many roles it has; `left_out` is told in comments."""
    comments = list(left_out)
    usable: list[Looked] = []
    ignored: list[str] = []
    for each in images:
        why = _no_role_for(each)
        if why is None:
            usable.append(each)
            continue
        comments.append(f"{', '.join(each.names)}: {why}")
        if each.facts is not None and isinstance(each.facts.interpreter, Absent):
            ignored += [pattern for name in each.names if (pattern := _pattern(name)) is not None]
    used: set[str] = set()
    tables: list[str] = []
    for group in _groups(usable):
        table, why = _role(group, used)
        tables += [table] if table else []
        comments += [f"{', '.join(group.names)}: {why}"] if why else []
    references = [each.reference for each in usable if each.reference and each.reference.isprintable()]
    return _whole(tables, comments, references, ignored), len(tables)


def _no_role_for(looked: Looked) -> str | None:
    """Say why no role suits the image; None where one may: every image must be read, start, and have a Python."""
    if looked.facts is None:
        return f"not read: {looked.error.removeprefix(f'{looked.names[0]}: ')}"
    result = judge(looked.facts, Role(name="any"), image=looked.names[0])
    bad = next((each for each in result.findings if each.outcome in ("fail", "unknown")), None)
    return None if bad is None else f"no role suits it: {bad.message}"


def _groups(images: Sequence[Looked]) -> Iterator[_Group]:
    """Put images together by repository, and within it by answer."""
    by_repository: dict[str, dict[object, list[tuple[str, Looked]]]] = {}
    for each in images:
        for name in each.names:
            answers = by_repository.setdefault(repository_in(name) if tag_in(name) else name, {})
            answers.setdefault(_answer(each), []).append((name, each))
    for repository, answers in by_repository.items():
        for pairs in answers.values():
            names, group = tuple(name for name, _ in pairs), tuple(each for _, each in pairs)
            yield _Group(repository, names, group, len(answers) == 1)


def _answer(looked: Looked) -> tuple[object, ...]:
    """Return what images of one role have in common: torch, its CUDA and its Python in X.Y."""
    torch, major = _torch(looked), None
    if torch == "cuda" and looked.facts is not None and (cuda := parsed(looked.facts.torch.cuda)):
        major = cuda.major
    return torch, major, _python(looked)


def _torch(looked: Looked) -> str | None:
    """Return what a role may say of torch; None where it is not known, or is there and can't be imported."""
    facts = looked.facts
    if facts is None or facts.torch.importable == "unknown":
        return None
    if not facts.torch.installed:
        return "absent" if facts.torch.importable == "no" else None
    if facts.torch.importable == "no":
        return None
    return facts.torch.build if facts.torch.build in kind_names() else "present"


def _python(looked: Looked) -> tuple[int, int] | None:
    facts = looked.facts
    version = None if facts is None or isinstance(facts.interpreter, Unknown) else parsed(facts.interpreter.version)
    return None if version is None or len(version.release) < 2 else (version.major, version.minor)


def _role(group: _Group, used: set[str]) -> tuple[str, str]:
    """Return the table of a role that all images of the group pass, and what else is to be told of it."""
    matches = _matches(group)
    if not matches:
        return "", "no pattern can name it"
    stated = _stated(group)
    for _ in range(len(stated) + 1):
        failed = _failing(group, stated)
        if failed is None:
            break
        keys, why = failed
        keys = keys if keys & stated.keys() else {"torch", "torch-version", "cuda"}  # which bounds sizes by itself
        if not keys & stated.keys():
            return "", f"no role suits it: {why}"
        stated = {key: value for key, value in stated.items() if key not in keys}
    name = _name_of(group, used)
    lines = list(dict.fromkeys(f"# {_comment(_seen(each))}" for each in group.images))
    lines += [f"[roles.{_key(name)}]", f"match = {_value(matches)}"]
    lines += [f"{key} = {_value(value)}" for key, value in stated.items()]
    if "torch" not in stated:
        lines.append("# torch: what can't be told of these images is not asked; `inspector show` says why")
    return "\n".join(lines) + "\n", ""


def _matches(group: _Group) -> list[str]:
    """List the patterns for the group: all tags of its repository, or its names one by one."""
    if not tag_in(group.names[0]):
        names = dict.fromkeys(f"*{escape(name)}" for name in group.names)
    elif group.alone:
        names = {f"{escape(group.repository)}:*": None}
    else:
        names = dict.fromkeys(map(escape, group.names))
    return [name for name in names if _is_glob(name)][:MAX_PATTERNS]


def _pattern(name: str) -> str | None:
    return escape(name) if _is_glob(escape(name)) else None


def _is_glob(text: str) -> bool:
    try:
        glob(text)
    except ValueError:
        return False
    return True


def _stated(group: _Group) -> dict[str, str | list[str]]:
    """Return the keys that are true of all images of the group."""
    facts = [each.facts for each in group.images if each.facts is not None]
    torch, _, python = _answer(group.images[0])
    stated: dict[str, str | list[str]] = {}
    dockerfile = next((each.dockerfile for each in group.images if each.dockerfile), None)
    if dockerfile and dockerfile.isprintable():
        stated["dockerfile"] = dockerfile
    if isinstance(torch, str):
        stated["torch"] = torch
        stated |= _versions(torch, facts)
    if isinstance(python, tuple):
        stated["python"] = f"=={python[0]}.{python[1]}.*"
    if torch in ("absent", "cpu") and (unwanted := [one for one in UNWANTED if not _any_fits(one, facts)]):
        stated["forbid"] = unwanted
    sizes = [one.size.uncompressed for one in facts]
    known = [size for size in sizes if size is not None]
    if known and len(known) == len(sizes) and max(known):
        stated["warn-size"] = rounded_up(max(known) * WARN_ABOVE // 100)
        stated["max-size"] = rounded_up(max(known) * FAIL_ABOVE // 100)
    return stated


def _versions(torch: str, facts: Sequence[ImageFacts]) -> dict[str, str]:
    found: dict[str, str] = {}
    versions = [parsed(one.torch.version) for one in facts]
    if torch != "absent" and all(versions):
        lowest = min(each for each in versions if each is not None)
        found["torch-version"] = f">={_short(lowest)}"
    cuda = [parsed(one.torch.cuda) for one in facts]
    if torch == "cuda" and all(cuda):
        least = min(each for each in cuda if each is not None)
        found["cuda"] = f">={_short(least)},<{least.major + 1}"
    return found


def _short(version: Version) -> str:
    """Return X.Y; of a version before its release the whole, which X.Y would leave out."""
    return version.public if version.is_prerelease else f"{version.major}.{version.minor}"


def _any_fits(pattern: str, facts: Iterable[ImageFacts]) -> bool:
    """Tell whether any distribution fits, or may."""
    fits = pattern_of(pattern).match
    return any(
        isinstance(one.distributions, Unknown) or any(fits(canonical(each.name)) for each in one.distributions)
        for one in facts
    )


def _failing(group: _Group, stated: Mapping[str, object]) -> tuple[set[str], str] | None:
    """Return the keys that one of the images does not pass, with those that need them; None where all pass."""
    raw = {"roles": {"role": dict(stated)}}
    (role,) = policy_of_tables(raw, "a starting policy").roles
    for name, each in zip(group.names, group.images, strict=True):
        assert each.facts is not None
        for finding in judge(each.facts, role, image=name).findings:
            if finding.outcome in ("fail", "unknown"):
                rules = (rule for rule in RULES if rule.check == finding.check)
                keys = {key.name for rule in rules for setting in rule.settings for key in setting.keys}
                return keys | ({"torch-version", "cuda"} if "torch" in keys else set()), finding.message
    return None


def _name_of(group: _Group, used: set[str]) -> str:
    """Return a name for the role that no other has."""
    last = group.repository.rpartition("/")[2]
    answer = "" if group.alone else f"-{_answer(group.images[0])[0] or 'unknown'}"
    wanted = (_NOT_NAME.sub("-", last).strip("-")[:60] or "role") + answer
    name, number = wanted, 2
    while name in used:
        name, number = f"{wanted}-{number}", number + 1
    used.add(name)
    return name


def _seen(looked: Looked) -> str:
    """Say what was seen of an image."""
    facts = looked.facts
    assert facts is not None
    torch = facts.torch
    told = f"torch {torch.version or '?'} ({build_name(torch)})" if torch.installed else "no torch"
    broken = ", which can't be imported" if torch.installed and torch.importable == "no" else ""
    python = "" if isinstance(facts.interpreter, Unknown) else f", Python {facts.interpreter.version}"
    size = "" if facts.size.uncompressed is None else f", {show_size(facts.size.uncompressed)}"
    return f"{', '.join(looked.names)}: {told}{broken}{python}{size}"


def rounded_up(count: int) -> str:
    """Return an amount of bytes in two digits, as policies state it, and never less.

    >>> rounded_up(1_234_567_890), rounded_up(995_000), rounded_up(7)
    ('1.3 GB', '1 MB', '7 B')
    """
    step = 10 ** max(0, len(str(count)) - 2)
    count = -(-count // step) * step
    unit = next(unit for unit in reversed(SHOWN_UNITS) if count >= UNITS[unit] or unit == "B")
    whole, rest = divmod(count, UNITS[unit])
    return f"{whole}.{rest * 10 // UNITS[unit]!s} {unit}" if rest else f"{whole} {unit}"


def _whole(tables: Sequence[str], comments: Sequence[str], references: Sequence[str], ignored: Sequence[str]) -> str:
    head = [
        f"#:schema ./{SCHEMA}",
        f"# Editors complete this file after: inspector schema policy -o {SCHEMA}",
        "# Written by `inspector init` from what the images hold; check them with: inspector check",
    ]
    parts = ["\n".join(head) + "\n"]
    if references:
        parts.append(f"images = {_value(list(dict.fromkeys(references)))}\n")
    if ignored:
        parts.append(
            f"# Images without a Python suit no role.\nignore = {_value(list(dict.fromkeys(ignored))[:MAX_PATTERNS])}\n"
        )
    parts += tables
    if comments:
        parts.append("# Left out:\n" + "".join(f"# {_comment(each)}\n" for each in comments))
    return "\n".join(parts)


def _value(value: str | list[str]) -> str:
    """Return a text, or a list of texts, as TOML has it."""
    return _text(value) if isinstance(value, str) else f"[{', '.join(map(_text, value))}]"


def _text(text: str) -> str:
    """Return a basic string: what JSON escapes in ASCII is the same in TOML, but for pairs of surrogates, and DEL."""
    return "".join(_char(char) for char in text).join('""')


def _char(char: str) -> str:
    if char in '"\\' or char < " ":
        return json.dumps(char)[1:-1]
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _comment(text: str) -> str:
    """Return one line without anything that ends it or has no ink."""
    return shorten("".join(char if char.isprintable() else _char(char) for char in text), MAX_COMMENT)
