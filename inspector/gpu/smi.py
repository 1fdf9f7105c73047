"""`nvidia-smi`, asked on this machine: the only program that is run here, within bounds of time and output."""

from __future__ import annotations

import shutil
import subprocess
import threading

from inspector.errors import UsageError
from inspector.gpu.profile import MAX_OUTPUT, QUERY

SECONDS = 60.0
"""A driver that is loaded for the question takes 10 seconds and more with eight GPUs."""


def ask_smi(seconds: float = SECONDS) -> str | None:
    """Return what nvidia-smi prints of the GPUs; None where there is no such program.

    Raises `UsageError` where it fails, prints without end, or gives no answer in time.
    """
    program = shutil.which(QUERY[0])
    if program is None:
        return None
    try:
        process = subprocess.Popen(  # noqa: S603 - words of ours
            [program, *QUERY[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise UsageError(f"{program} can't be run: {error.strerror}; name its output by --from") from error
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        assert process.stdout is not None
        with process.stdout as stream:
            output = stream.read(MAX_OUTPUT + 1)
        if len(output) > MAX_OUTPUT:
            process.kill()
        code = process.wait()
    finally:
        timer.cancel()
    if late.is_set():
        raise UsageError(f"{program} gives no answer within {seconds:.0f} seconds; see whether it does in a shell")
    if code or len(output) > MAX_OUTPUT:
        said = output[:200].decode("utf-8", "replace").strip() or "nothing"
        raise UsageError(f"{program} fails with exit code {code} and says {said!r}; repair the driver")
    return output.decode("utf-8", "replace")
