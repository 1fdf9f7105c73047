"""What the loader of this machine does: libraries opened in processes of their own, many in one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache

_PROBE = """
import ctypes, json, os, sys
for path in json.load(sys.stdin):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        os.dup2(os.open(os.devnull, os.O_RDWR), 2)
        try:
            ctypes.CDLL(path)
            text = "OK"
        except OSError as error:
            text = str(error)
        os.write(write, text.encode("utf-8", "replace")[:4000])
        os._exit(0)
    os.close(write)
    said = b""
    while part := os.read(read, 65536):
        said += part
    os.close(read)
    status = os.waitpid(child, 0)[1]
    print(json.dumps(said.decode() or f"status {status}"))
"""


def open_each(paths: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
    """Return for each path `OK` or what ctypes.CDLL raised, each opened alone; `status N` where the process died."""
    ran = subprocess.run(
        [sys.executable, "-c", _PROBE],
        input=json.dumps(list(paths)),
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


@cache
def prelude() -> tuple[str, ...]:
    """Return the extension modules that are loaded in a process that opens a library by ctypes, in their order."""
    listed = "[getattr(each, '__file__', 0) for each in sys.modules.values()]"
    code = f"import ctypes, json, os, sys; print(json.dumps({listed}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return tuple(path for path in json.loads(ran.stdout) if path and ".so" in path)
