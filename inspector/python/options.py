"""The options of a Python's command line, and what they change for what it imports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from inspector.python.environment import Environment

WITHOUT_SITE = "its Python runs without site.py (-S)"
_NO_VALUE = "bBdEhiIJOPqRsStuvVx?"
_VALUED = "WX"
_DROPS = r"PYTHON(?!EXECUTABLE\Z)[A-Z]\w*"  # getpath.py reads that one in any case


class Options(NamedTuple):
    """The letters of those without a value, and the values of `-W`.

    `program` is the script; empty for a module, a text, or none. `before` counts the words before `-c`, a script, or
    what else ends the options; `refused` says why Python stops at one.
    """

    letters: frozenset[str]
    warnings: tuple[str, ...]
    program: str
    before: int
    refused: str = ""

    def applied(self, environment: Environment) -> Environment:
        """Return the environment as the options leave it."""
        variables = dict(environment.variables)
        if {"E", "I"} & self.letters:
            variables = {name: value for name, value in variables.items() if not re.fullmatch(_DROPS, name)}
        if {"s", "I"} & self.letters:
            variables["PYTHONNOUSERSITE"] = "1"
        if {"P", "I"} & self.letters:
            variables["PYTHONSAFEPATH"] = "1"
        if self.warnings:
            before = filter(None, [variables.get("PYTHONWARNINGS")])
            whole = (each.replace(",", ";") for each in self.warnings)  # an option is one filter, whatever is in it
            variables["PYTHONWARNINGS"] = ",".join([*before, *whole])
        return msgspec.structs.replace(environment, variables=variables, site="S" not in self.letters)


def read_options(words: Sequence[str]) -> Options:
    """Return a Python's options, from the words behind its name (CPython, Python/getopt.c)."""
    letters: set[str] = set()
    warnings: list[str] = []
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        word, begun = words[at], at
        at += 1
        if word.startswith("--"):
            continue
        for place, letter in enumerate(word[1:], 1):
            if letter in "cm":
                return Options(frozenset(letters), tuple(warnings), "", begun)
            if letter in _NO_VALUE:
                letters.add(letter)
                continue
            if letter not in _VALUED:
                refused = f"Python has no option {('-' + letter)!r}"
                return Options(frozenset(letters), tuple(warnings), "", begun, refused)
            value = word[place + 1 :]
            if not value and at < len(words):
                value, at = words[at], at + 1
            if letter == "W":
                warnings.append(value)
            break
    return Options(frozenset(letters), tuple(warnings), words[at] if at < len(words) else "", at)
