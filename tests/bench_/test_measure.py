"""The stopwatch of the benchmarks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="peak memory of a child is told by POSIX only")

from bench.measure import Failed, measure

pytestmark = pytest.mark.thorough


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


SMALL = """
import sys
from bench.measure import measure
found = [measure([sys.executable, "-S", "-c", code], times=1, env={}) for code in sys.argv[1:]]
print(*(f"{each.peak} {each.median}" for each in found))
"""


def test_time_and_memory_of_a_child_are_its_own() -> None:
    heavy = "import time; a = b'x' * 200_000_000; time.sleep(0.2)"
    words = [sys.executable, "-c", SMALL, "pass", heavy]  # a process of its own, since this one may be large
    said = subprocess.run(words, cwd=Path(__file__).parents[2], check=True, capture_output=True, text=True).stdout
    light_peak, _, heavy_peak, heavy_time = map(float, said.split())
    assert heavy_time >= 0.2
    assert light_peak + 150_000_000 < heavy_peak < 400_000_000


def test_the_first_of_several_runs_is_not_counted(tmp_path: object) -> None:
    code = f"import pathlib; p = pathlib.Path({str(tmp_path)!r}, 'runs'); p.open('a').write('x'); print(p.read_text())"
    measured = measure(python(code), times=3, env={}, keep=True)
    assert measured.output == b"xxxx\n"
    assert measured.fastest <= measured.median <= measured.slowest


def test_the_environment_reaches_the_child_and_a_large_output_is_not_kept() -> None:
    code = "import os; print(os.environ['ASKED'])"
    assert measure(python(code), times=1, env={"ASKED": "yes"}).output == b"yes\n"
    assert measure(python(code), times=1, env={"ASKED": "yes"}, keep=False).output == b""


def test_a_command_that_fails_is_not_measured() -> None:
    with pytest.raises(Failed, match=r"exited with 3: .*no such thing"):
        measure(python("import sys; sys.stderr.write('no such thing'); sys.exit(3)"), times=1, env={})
