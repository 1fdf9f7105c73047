"""The line of a Dockerfile that made a layer, by what builders write of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from inspector.policy.dockerfile import MAX_FILE, Steps, with_lines
from inspector.policy.instructions import instructions_of
from inspector.policy.judge import judge
from inspector.policy.model import Finding, Pointer
from tests.effort import some
from tests.policy.cases import CPU, SYNC, image, role

FILE = r"""# syntax=docker/dockerfile:1
FROM python:3.11-slim AS build
RUN pip install uv \
    # why
    && uv sync --frozen
run --mount=type=cache,target=/root/.cache \
    --network=none pip install -r requirements.txt

FROM python:3.11-slim
COPY --from=build --chown=app:app /app/.venv /app/.venv
RUN ["pip", "install", "torch"]
RUN <<EOF
apt-get update
apt-get install -y git
EOF
RUN echo a
RUN echo a
ENV A=b
"""


def line_of(text: str, created_by: str) -> int | None:
    return Steps(instructions_of(text)).line(created_by)


@pytest.mark.parametrize(
    ("created_by", "line"),
    [
        ("RUN /bin/sh -c pip install uv     && uv sync --frozen # buildkit", 3),
        ("RUN |1 WHEELS=https://x /bin/sh -c pip install uv && uv sync --frozen # buildkit", 3),
        ("/bin/sh -c pip install uv && uv sync --frozen", 3),
        ("RUN /bin/bash -o pipefail -c pip install -r requirements.txt # buildkit", 6),
        ("COPY /app/.venv /app/.venv # buildkit", 10),
        ("RUN pip install torch # buildkit", 11),
        ("RUN /bin/sh -c apt-get update\napt-get install -y git\n # buildkit", 12),
        ("RUN /bin/sh -c echo a # buildkit", None),
        ("ENV A=b", 18),
        ("RUN /bin/sh -c pip install # buildkit", None),
        ("RUN /bin/sh -c pip install uv # buildkit", None),
        ("/bin/sh -c #(nop) ADD file:cd342f8e96090490cd18ce392dd36cdf81a55375964abea59d018521e720d99c in / ", None),
        ("", None),
    ],
)
def test_the_line_of_a_step(created_by: str, line: int | None) -> None:
    assert line_of(FILE, created_by) == line


def test_the_other_escape_and_odd_ends() -> None:
    assert line_of("# escape=`\nRUN pip `\n  install x\n", "RUN /bin/sh -c pip install x") == 2
    assert line_of("RUN a \\", "RUN /bin/sh -c a") == 1
    assert line_of("RUN cat <<<word\nRUN a", "RUN /bin/sh -c a") == 2
    assert line_of("RUN echo $((1<<2)) <<EOF\nRUN a", "RUN /bin/sh -c a") == 2
    assert line_of("\r\nRUN a\r\n", "RUN /bin/sh -c a") == 2
    long = "x " * 3000
    assert line_of(f"RUN b\nRUN {long}", f"RUN /bin/sh -c {long}") == 2
    assert line_of("", "RUN a") is None


LINES = ["RUN <<EOF", "RUN a \\", "#", "RUN --a=b", "RUN [", "\\", "x" * 99]
LINES += ['RUN ["a" ' + '"b" ' * 50, f"RUN {'<<A ' * 50}\nA"]


@pytest.mark.parametrize("line", some(LINES))
def test_work_is_linear(line: str) -> None:
    begun = time.process_time()
    assert line_of("\n".join([line] * (MAX_FILE // (len(line) + 1))), "RUN b") is None
    assert time.process_time() - begun < 20  # minutes, where it is quadratic


WRONG = (Finding(check="torch", outcome="fail", message="m", evidence=Pointer(layer=1, created_by=SYNC)),)


def line_in(folder: Path, dockerfile: str = "D") -> int | None:
    (found,) = with_lines(WRONG, dockerfile, str(folder))
    return found.evidence.line


def test_the_file_lies_beside_the_policy_or_above_it(tmp_path: Path) -> None:
    below = tmp_path / "repository" / "deploy"
    below.mkdir(parents=True)
    assert line_in(below) is None
    (tmp_path / "D").write_text("RUN uv sync --frozen --no-dev --extra ml\n", encoding="utf-8")
    assert line_in(below) == 1
    (tmp_path / "repository" / ".git").mkdir()
    assert line_in(below) is None
    (tmp_path / "repository" / "D").write_text("\n\nRUN uv sync --frozen --no-dev --extra ml\n", encoding="utf-8")
    assert line_in(below) == 3
    (tmp_path / "repository" / "D").write_text("RUN uv sync\n", encoding="utf-8")
    assert line_in(below) is None


def test_what_is_no_dockerfile_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big").write_bytes(b"#" * (MAX_FILE + 1))
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes").write_bytes(b"RUN \xff\n")
    for name in ("pipe", "big", "folder", "bytes", "missing", "a\0b", "/dev/zero"):
        assert line_in(tmp_path, name) is None


def test_a_result_names_dockerfile_and_line(tmp_path: Path) -> None:
    (tmp_path / "D").write_text("FROM x\nRUN uv sync --frozen --no-dev --extra ml\n", encoding="utf-8")
    wanted = role(torch="absent", dockerfile="D", folder=str(tmp_path))
    wrong, right = judge(image(CPU), wanted), judge(image(), wanted)
    assert (wrong.dockerfile, wrong.line) == ("D", 2)
    assert {each.evidence.line for each in wrong.findings if each.check == "torch"} == {2}
    assert (right.dockerfile, right.line) == ("D", None)
    assert judge(image(CPU), role(torch="absent", dockerfile="D")).line is None
    unnamed = judge(image(CPU), role(torch="absent", dockerfile=None, folder=str(tmp_path)))
    assert (unnamed.dockerfile, unnamed.line) == (None, None)
