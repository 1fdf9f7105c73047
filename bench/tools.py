"""What is measured with: our own command, and other people's where they are at hand."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.images import POLICY
from bench.measure import Failed, Measured, measure
from bench.table import Beside, Missing, Row, Target

_NOTHING = "python -c pass"
_YARDSTICK = """
import hashlib, json, os
document = json.dumps({str(number): [number] * 8 for number in range(4000)})
for _ in range(12):
    hashlib.sha256(bytes(4 << 20)).digest()
    sum(len(key) for key in json.loads(document))
    for _ in range(2000):
        os.stat("/")
"""
"""The yardstick of our rows, since machines differ: hashing, making objects, and calls of the system."""
_IMPORTED = re.compile(rb"^import time: +([0-9]+) \|", re.MULTILINE)
_SYFT_ENV = {"SYFT_CHECK_FOR_APP_UPDATE": "false"}
NOTHING_BESIDE = Beside()


@dataclass(frozen=True)
class Tools:
    """Our command, those of syft and dive (None without them), a folder for policy and cache, and how often to run."""

    inspector: str
    syft: str | None
    dive: str | None
    folder: Path
    times: int

    def yardstick(self) -> float:
        """Seconds of a program that computes and reads a little, to tell a slow machine from a slow change."""
        return measure([sys.executable, "-c", _YARDSTICK], times=max(self.times, 3), env={}).median

    def version(self) -> Row:
        """How long the program takes to start, beside the least that a Python program takes."""
        least = Row(_NOTHING, measure([sys.executable, "-c", "pass"], times=self.times, env={}), is_ours=False)
        words = [self.inspector, "--version"]
        measured = measure(words, times=self.times, env={})
        return Row("inspector --version", measured, beside=Beside(run=least.seconds), target=Target(of_run=3))

    def together(
        self, job: str, references: Sequence[tuple[str, str]], *words: str, beside: Beside = NOTHING_BESIDE
    ) -> Row:
        """One `inspector check` of several images, each in the role beside it."""
        policy = self.folder / "together.toml"
        listed = [f'\n[[images]]\nreference = "{name}"\nrole = "{role}"\n' for name, role in references]
        policy.write_text(POLICY + "".join(listed), "utf-8")
        env = {"INSPECTOR_CACHE_DIR": str(self.folder / "cache")}
        asked = [self.inspector, "check", str(policy), "--exit-zero", *words]
        return Row(job, measure(asked, times=self.times, env=env, keep=False), beside=beside)

    def check(
        self,
        job: str,
        reference: str,
        role: str,
        *words: str,
        times: int | None = None,
        beside: Beside = NOTHING_BESIDE,
        target: Target | None = None,
    ) -> Row:
        """`inspector check` of one image; with its bytes and files as its own report tells them."""
        policy = self.folder / "inspector.toml"
        policy.write_text(POLICY, encoding="utf-8")
        asked = [self.inspector, "check", str(policy), reference, "--role", role, "--format", "json"]
        env = {"INSPECTOR_CACHE_DIR": str(self.folder / "cache")}
        measured = measure([*asked, *words], times=times or self.times, env=env)
        (result,) = json.loads(measured.output)["results"]
        entries = [layer["entries"] for layer in result["facts"]["layers"]]
        files = None if None in entries else sum(entries)
        return Row(job, measured, result["facts"]["evidence"]["bytes_read"], files, beside, target)

    def imports(self, reference: str, role: str) -> Measured:
        """The seconds that the imports of a check take, as Python tells them, whose telling takes some itself."""
        policy = self.folder / "inspector.toml"
        policy.write_text(POLICY, encoding="utf-8")
        code = "import sys; from inspector.cli import main; main()"
        words = [sys.executable, "-X", "importtime", "-c", code, "check", f"{policy}", reference, "--role", role]
        env = {"INSPECTOR_CACHE_DIR": str(self.folder / "cache")}
        return measure(words, times=self.times, env=env, keep=False, seconds_of=_imported)

    def scan_with_syft(self, job: str, reference: str) -> Row | Missing:
        """Syft's scan, once."""
        words = None if self.syft is None else [self.syft, "scan", "-q", reference, "-o", "json"]
        return self._other(job, "syft", words)

    def open_with_dive(self, job: str, reference: str) -> Row | Missing:
        """Dive's analysis, once."""
        words = None if self.dive is None else [self.dive, reference, "--json", str(self.folder / "dive.json")]
        return self._other(job, "dive", words)

    @staticmethod
    def _other(job: str, name: str, words: Sequence[str] | None) -> Row | Missing:
        if words is None:
            return Missing(job, f"{name} is not at hand")
        try:
            return Row(job, measure(words, times=1, env=_SYFT_ENV, keep=False), is_ours=False)
        except Failed as error:
            return Missing(job, f"{name} failed: {str(error)[-100:]!a}")


def _imported(errors: bytes) -> float:
    """Add up the microseconds of each module's own, as `-X importtime` writes them."""
    return sum(int(found[1]) for found in _IMPORTED.finditer(errors)) / 1e6
