"""A driver of NVIDIA's that isn't there: libraries of a few lines of C that say what a test wants them to say."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIBRARIES = {"cuda.c": "libcuda.so.1", "nvml.c": "libnvidia-ml.so.1", "proved.c": "proved.so"}
"""What is built of each source; `proved.so` is to be preloaded."""

FORKED = r"""
import json, os, sys

def asked(environment, question):
    ear, mouth = os.pipe()
    child = os.fork()
    if not child:
        os.environ.update(environment)
        os.write(mouth, json.dumps(question()).encode())
        os._exit(0)
    os.close(mouth)
    with open(ear, "rb") as file:
        said = file.read()
    os.waitpid(child, 0)
    return json.loads(said)
"""
"""Asks a question in processes of their own: CUDA's runtime looks at a driver once in a process's life."""


def compiler() -> str | None:
    """Return the C compiler of this machine; None where there is none."""
    return shutil.which("gcc") or shutil.which("cc")


def build(folder: Path) -> None:
    """Build the libraries in a folder that every user of a container may look into."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for source, name in LIBRARIES.items():
        words = [compiler() or "cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
        words += [f"-Wl,-soname,{name}", "-o", str(folder / name), str(HERE / source), "-ldl"]
        subprocess.run(words, check=True, capture_output=True, text=True)


def program(setup: str, question: str, environments: Iterable[Mapping[str, str]]) -> str:
    """Return a program of Python's that prints as JSON what a question comes to in each environment."""
    cases = json.dumps([dict(each) for each in environments])
    loop = f"print(json.dumps([asked(each, question) for each in json.loads({cases!r})]))"
    return "\n".join([FORKED, setup, f"def question():\n    return {question}", loop])


def answers(output: str) -> list[Any]:
    """Return what such a program printed."""
    found: list[Any] = json.loads(output.splitlines()[-1])
    return found
