"""Fuzzes one target in a process of its own: `python -m tests.fuzz.one TARGET` and libFuzzer's options and folders."""

from __future__ import annotations

import os
import sys

import atheris

with atheris.instrument_imports(include=["inspector"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Set up libFuzzer and hand over to it; it ends the process."""
    name, *options = sys.argv[1:]
    target = TARGETS[name]

    def mutated(content: bytes, most: int, _seed: int) -> bytes:
        return target.mend(atheris.Mutate(content, most))[:most]

    program = f"{sys.executable} -m tests.fuzz.one {name}"  # which libFuzzer starts again to merge
    atheris.Setup([program, *options], target.run, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    os.environ["INSPECTOR_CACHE_DIR"] = os.devnull
    main()
