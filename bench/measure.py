"""One command, run several times: how long it takes, and how much memory at most."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


class Failed(Exception):
    """A command that was to be measured ended otherwise than it should."""


@dataclass(frozen=True)
class Measured:
    """Seconds of the median run and of the fastest and slowest; bytes of the largest run; the last output."""

    median: float
    fastest: float
    slowest: float
    peak: int
    output: bytes


def measure(
    words: Sequence[str],
    *,
    times: int,
    env: Mapping[str, str],
    keep: bool = True,
    seconds_of: Callable[[bytes], float] | None = None,
) -> Measured:
    """Run `words` so many times, and once before if more than once, so that the files lie in memory for all alike.

    A large output must not be kept: a child's peak is never told as less than what its parent has. `seconds_of`
    finds the seconds in the command's standard error, where they are not those of its whole run. Raises `Failed`.
    """
    runs = [_once(words, env, keep=keep, seconds_of=seconds_of) for _ in range(times if times == 1 else times + 1)]
    counted = runs if times == 1 else runs[1:]
    seconds = [run[0] for run in counted]
    return Measured(
        median=statistics.median(seconds),
        fastest=min(seconds),
        slowest=max(seconds),
        peak=max(run[1] for run in counted),
        output=counted[-1][2],
    )


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours, but with bytecode kept, as it is where a program was installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | dict(more)


def _once(
    words: Sequence[str], env: Mapping[str, str], *, keep: bool, seconds_of: Callable[[bytes], float] | None
) -> tuple[float, int, bytes]:
    """Seconds, peak bytes, output."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=_environment(env))
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            said = errors.read()[-500:].decode(errors="replace")
            raise Failed(f"{' '.join(words)} exited with {child.returncode}: {said}")
        if seconds_of is not None:
            errors.seek(0)
            seconds = seconds_of(errors.read())
        output.seek(0)
        return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), output.read() if keep else b""
