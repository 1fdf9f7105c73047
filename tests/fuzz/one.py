"""Fuzzes one target in a process of its own: `python -m tests.fuzz.one TARGET` and libFuzzer's options and folders."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr

import atheris

with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["inspector"]):  # it names each module
    from tests.fuzz.targets import TARGETS


def fuzz(name: str, *options: str) -> None:
    """Set up libFuzzer and hand over to it; it ends the process."""
    target = TARGETS[name]

    def mutated(content: bytes, most: int, _seed: int) -> bytes:
        return target.mend(atheris.Mutate(content, most))[:most]

    program = f"{sys.executable} -m tests.fuzz.one {name}"  # which libFuzzer starts again to merge
    atheris.Setup([program, *options], target.run, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    os.environ["INSPECTOR_CACHE_DIR"] = os.devnull
    fuzz(*sys.argv[1:])
