"""`python -m bench.fuzz_tar [EXECUTIONS [SEED]]`: our tar scanner against Go's, on odd tars by the hundred thousand.

Prints how many executions each rule explains (see `bench.go_tar.RULES`). A difference that none explains is
made small, printed and written to a file; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from bench.go_tar import RULES, UNEXPLAINED, GoTar, rule
from bench.odd_tars import BLOCK, corpus, odd_tar

BATCH = 500
PART = 50_000
"""Executions from one seed; the next part takes the next."""
MOST_SHOWN = 5


def fuzz(go: GoTar, executions: int, seed: int, seeds: Sequence[bytes]) -> tuple[Counter[str], list[bytes]]:
    """Executions by rule, and the tars that none explains."""
    rnd = Random(seed)  # noqa: S311 - the same tars each time
    counts: Counter[str] = Counter()
    unexplained: list[bytes] = []
    for start in range(0, executions, BATCH):
        tars = [odd_tar(rnd, seeds) for _ in range(min(BATCH, executions - start))]
        for content, listing in zip(tars, go.lists(tars), strict=True):
            found = rule(content, listing)
            counts[found] += 1
            if found == UNEXPLAINED:
                unexplained.append(content)
    return counts, unexplained


def small(content: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """`content` with as many blocks taken out, and as many runs of bytes cleared, as leave it failing."""
    changed = True
    while changed:
        changed = False
        for at in range(len(content) - len(content) % -BLOCK, -1, -BLOCK):
            without = content[:at] + content[at + BLOCK :]
            if len(without) < len(content) and fails(without):
                content, changed = without, True
    return content


def go_testdata() -> list[bytes]:
    """The tars that Go's own tests read."""
    root = subprocess.run(
        [shutil.which("go") or "go", "env", "GOROOT"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return corpus(Path(root) / "src" / "archive" / "tar" / "testdata")


def main() -> int:
    """Fuzz, and say what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz_tar", description=__doc__)
    parser.add_argument("executions", type=int, nargs="?", default=1_000_000)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, GoTar(Path(folder)) as go:
        began, seeds = time.monotonic(), go_testdata()
        counts: Counter[str] = Counter()
        unexplained: list[bytes] = []
        for part, start in enumerate(range(0, asked.executions, PART)):
            found, more = fuzz(go, min(PART, asked.executions - start), asked.seed + part, seeds)
            counts += found
            unexplained += more
            sys.stderr.write(f"{counts.total()} executions, {len(unexplained)} unexplained\n")
        sys.stdout.write(f"{counts.total()} executions in {time.monotonic() - began:.0f} s from seed {asked.seed} on\n")
        for name, text in (RULES | {UNEXPLAINED: "no rule says why"}).items():
            sys.stdout.write(f"{counts[name]:>9}  {name}: {text}\n")
        for number, content in enumerate(unexplained[:MOST_SHOWN]):
            reduced = small(content, lambda tar: rule(tar, go.lists([tar])[0]) == UNEXPLAINED)
            path = Path(f"unexplained-{number}.tar")
            path.write_bytes(reduced)
            sys.stdout.write(f"{path} ({len(reduced)} bytes): Go says {str(go.lists([reduced])[0])[:1000]}\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
