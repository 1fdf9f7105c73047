"""`python -m tests.fuzz` fuzzes each target for a while, and keeps what reached code that nothing had reached.

A crash is written to `crashes/TARGET/`, where `make test` replays it until it is mended; it stays as an input then.
"""

from __future__ import annotations

import argparse
import ctypes
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

if find_spec("atheris") is None:
    sys.exit("atheris is missing; `make fuzz` installs it for CPython up to 3.13 on Linux, where alone it runs")
from tests.fuzz import one  # isort: skip # before what imports the program, which is instrumented as it is imported
from tests.fuzz import seeds
from tests.fuzz.corpus import CORPUS, CRASHES, inputs, keep, room
from tests.fuzz.targets import TARGETS

LIMITS = ("-timeout=20", "-rss_limit_mb=600", "-verbosity=1", "-print_final_stats=1")
_LAST = re.compile(r"#(\d+)\s+DONE +cov: (\d+)")


def main() -> int:
    """The command line: 1 if any target has a finding."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--seconds", type=int, default=10, help="for each target (default: 10)")
    parser.add_argument(
        "--seed", type=int, default=0, help="begin with the same inputs each time (default: others each)"
    )
    parser.add_argument("--dry", action="store_true", help="keep nothing in the corpus")
    parser.add_argument("--jobs", type=int, default=1, help="targets fuzzed side by side; more than one needs --dry")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no target {', '.join(sorted(unknown))}")
    if options.jobs > 1 and not options.dry:
        parser.error("--jobs needs --dry: two targets may find room for one input")
    each = partial(fuzzed, seconds=options.seconds, seed=options.seed, dry=options.dry)
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("fork")) as pool:
        return int(any(list(pool.map(each, options.targets or list(TARGETS)))))


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    code: int
    said: str


def fuzzed(name: str, seconds: int, seed: int, *, dry: bool) -> bool:
    """Whether fuzzing a target found anything; prints a row."""
    with tempfile.TemporaryDirectory(prefix="inspector-fuzz-") as folder:
        new, start = Path(folder, "new"), Path(folder, "start")
        new.mkdir()
        start.mkdir()
        for number, content in enumerate(seeds.of(name)):
            (start / f"{number}").write_bytes(content)
        given = [str(start), *(str(each / name) for each in (CORPUS, CRASHES) if (each / name).is_dir())]
        begun = time.monotonic()
        bounds = [
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-max_len={TARGETS[name].most}",
            f"-artifact_prefix={folder}/",
        ]
        ended = _forked(name, *LIMITS, *bounds, str(new), *given)
        took = time.monotonic() - begun
        kept = 0 if dry else _merged(name, [str(new), str(start)])
        crashes = [path for path in Path(folder).iterdir() if path.is_file()]
        for path in crashes:
            _keep_crash(name, path)
    last = _LAST.findall(ended.said)
    runs, reached = (int(number) for number in (last[-1] if last else (0, 0)))
    found = bool(crashes) or ended.code != 0
    rate = runs / max(took, 0.1)
    sys.stdout.write(f"{name:16} {runs:>10,} runs  {rate:>8,.0f}/s  {reached:>5} edges  {kept:>4} kept")
    sys.stdout.write(f"  {'FOUND: ' + _why(ended.said) if found else ''}\n")
    sys.stdout.flush()
    return found


def _merged(name: str, folders: list[str]) -> int:
    """Take into the corpus what reaches more than it does, the smallest inputs first, while there is room; how many."""
    with tempfile.TemporaryDirectory(prefix="inspector-fuzz-") as folder:
        before = inputs(name)
        for path in before:
            Path(folder, path.name).write_bytes(path.read_bytes())
        words = [sys.executable, "-m", "tests.fuzz.one", name, "-merge=1", f"-max_len={TARGETS[name].most}"]
        subprocess.run([*words, folder, *folders], capture_output=True, check=False)
        found = [path.read_bytes() for path in Path(folder).iterdir() if path.name not in {one.name for one in before}]
    kept = 0
    for content in sorted(found, key=len):
        if len(content) <= room():
            keep(name, content)
            kept += 1
    return kept


def _keep_crash(name: str, path: Path) -> None:
    (CRASHES / name).mkdir(parents=True, exist_ok=True)
    (CRASHES / name / path.name).write_bytes(path.read_bytes())


def _forked(name: str, *options: str) -> Ended:
    """Run a target in a process of its own, to which what is instrumented need not be imported again."""
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        child = os.fork()
        if not child:
            try:
                for stream in (1, 2):
                    os.dup2(said.fileno(), stream)
                one.fuzz(name, *options)
            finally:
                ctypes.CDLL(None).exit(1)  # not os._exit, by which libFuzzer wouldn't write down the input it was at
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return Ended(os.waitstatus_to_exitcode(status), said.read())


def _why(said: str) -> str:
    """The exception and where it was raised, or what libFuzzer calls it."""
    lines = said.splitlines()
    raised = [lines[at + 1] for at, line in enumerate(lines[:-1]) if "Uncaught Python exception" in line]
    places = [line.strip() for line in lines if line.startswith("  File ")]
    called = [line for line in lines if re.match(r"==\d+== ?ERROR", line)]
    return "; ".join([*raised[:1], *places[-1:]] or called[:1] or lines[-1:])[:300]


if __name__ == "__main__":
    os.environ["INSPECTOR_CACHE_DIR"] = os.devnull
    sys.exit(main())
