"""Images made wrong on purpose, by the build steps that go wrong in practice, on top of the real ones."""

from __future__ import annotations

from pathlib import Path

from tests.lab import engine

TORCH = "/app/.venv/lib/python3.11/site-packages/torch"
DOCTORED = "inspector-lab/cpu-worker-with-cuda:1"

PIP = "/usr/local/bin/python3 -m pip --python /app/.venv/bin/python"

DOCKERFILES = {
    "inspector-lab/api-with-torch:1": 'FROM ktrdr-worker-cpu:test\nCMD ["uvicorn","ktrdr.api:app"]\n',
    "inspector-lab/worker-without-torch:1": (
        f"FROM ktrdr-worker-cpu:test\nUSER root\nRUN {PIP} uninstall -q -y torch\n"
    ),
    DOCTORED: (
        "FROM ktrdr-worker-cpu:test\nUSER root\n"
        f"RUN sed -i -e 's/+cpu/+cu130/' -e \"s/^cuda: .*/cuda: Optional[str] = '13.0'/\" {TORCH}/version.py"
        f" && touch {TORCH}/lib/libtorch_cuda.so {TORCH}/lib/libc10_cuda.so\n"
    ),
}
NAMES = tuple(DOCKERFILES)


def build_all(folder: Path) -> None:
    """Build every image that the engine does not have; the build's cache makes a second time short."""
    context = folder / "context"
    context.mkdir()
    for name, text in DOCKERFILES.items():
        (context / "Dockerfile").write_text(text)
        engine.docker("build", "--quiet", "--network", "none", "--tag", name, str(context))
