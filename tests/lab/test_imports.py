"""What a container's own Python imports, beside our answer from the image's bytes, however these are had."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector import inspect
from inspector.imports import Imported
from tests.lab import engine

BASE = "ktrdr-backend:prod"
SITE = "/app/.venv/lib/python3.11/site-packages"
NAME = f"i-imports-{os.getpid()}"

CASES: dict[str, tuple[str, str]] = {
    "whole": ("fastapi", ""),
    "app": (
        "app.main",
        "RUN mkdir -p app && echo 'import fastapi, app.db' > app/main.py && echo 'import json' > app/db.py",
    ),
    "app-needs-what-is-missing": (
        "app.main",
        "RUN mkdir -p app && echo 'import fastapi, requests_of_ours' > app/main.py",
    ),
    "without-submodule": ("fastapi", f"RUN rm {SITE}/starlette/routing.py"),
    "without-dependency": ("fastapi", f"RUN rm -r {SITE}/anyio"),
    "without-compiled-module": ("fastapi", f"RUN rm {SITE}/pydantic_core/*.so"),
    "cut-compiled-module": (
        "fastapi",
        f"RUN for f in {SITE}/pydantic_core/*.so; do head -c 4096 $f > /t && cp /t $f; done",
    ),
    "without-library": ("sqlite3", "RUN rm -f /usr/lib/x86_64-linux-gnu/libsqlite3.so* /usr/local/lib/libsqlite3.so*"),
    "optional-module": ("app", "RUN printf 'try:\\n  import ujson\\nexcept ImportError:\\n  ujson = None\\n' > app.py"),
    "zip-on-the-path": (
        "packed",
        (
            "ENV PYTHONPATH=/z.zip\nRUN python -c \"import zipfile; zipfile.ZipFile('/z.zip', 'w')"
            ".writestr('packed.py', 'import fastapi')\""
        ),
    ),
    "cut-source": (
        "fastapi",
        f"RUN head -c 3000 {SITE}/fastapi/applications.py > /t && cp /t {SITE}/fastapi/applications.py",
    ),
    "environment-decides": (
        "app",
        "ENV MODE=full\nRUN printf 'import os\\nif os.environ.get(\"MODE\"):\\n  import gone\\n' > app.py",
    ),
}


@pytest.fixture(scope="module")
def built(roles: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The images, by case; removed at the end."""
    del roles
    folder = tmp_path_factory.mktemp("context")
    names = {case: f"{NAME}-{case}:1" for case in CASES}
    for case, name in names.items():
        text = f"FROM {BASE}\nUSER root\n{CASES[case][1]}\n"
        words = ["docker", "build", "-q", "-t", name, "-f", "-", str(folder)]
        subprocess.run(words, input=text, text=True, check=True, capture_output=True)
    yield names
    subprocess.run(["docker", "rmi", "--force", *names.values()], check=False, capture_output=True)


def really(image: str, module: str) -> bool:
    """Whether a container imports it."""
    words = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "python", image, "-c", f"import {module}"]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def ours(reference: str, module: str) -> Imported:
    """Our answer."""
    return inspect(reference, imports=module).imports[module]


@pytest.mark.parametrize("case", CASES)
def test_the_answer_is_the_containers(case: str, built: dict[str, str]) -> None:
    module = CASES[case][0]
    answer = ours(f"docker:{built[case]}", module)
    assert answer.importable == ("yes" if really(built[case], module) else "no"), answer.reasons


def test_an_archive_gives_the_same_answer(built: dict[str, str], tmp_path: Path) -> None:
    for case in ("app", "without-submodule"):
        path = tmp_path / f"{case}.tar"
        engine.docker("save", "--output", str(path), built[case])
        module = CASES[case][0]
        assert ours(f"docker-archive:{path}", module) == ours(f"docker:{built[case]}", module)
