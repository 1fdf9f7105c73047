"""What is measured with: our own command, and other people's where they are at hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.images import POLICY
from bench.measure import Failed, measure
from bench.table import Beside, Missing, Row, Target

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

    def version(self) -> Row:
        """How long the program takes to start."""
        words = [self.inspector, "--version"]
        return Row("inspector --version", measure(words, times=self.times, env={}), target=Target(0.1))

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
            return Row(job, measure(words, times=1, env=_SYFT_ENV, keep=False))
        except Failed as error:
            return Missing(job, f"{name} failed: {str(error)[-100:]!a}")
