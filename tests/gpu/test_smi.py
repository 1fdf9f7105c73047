"""nvidia-smi as a program that answers, fails, hangs or never ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.errors import UsageError
from inspector.gpu.smi import ask_smi


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "nvidia-smi"


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_it_is_asked_by_its_name_for_csv(program: Path) -> None:
    write(program, 'echo "$@"')
    assert ask_smi() == "--query-gpu=name,compute_cap,driver_version --format=csv\n"


def test_there_is_none(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    assert ask_smi() is None


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo NVIDIA-SMI has failed; exit 9", "fails with exit code 9 and says 'NVIDIA-SMI has failed'"),
        ("exec yes", "repair the driver"),
        ("exec sleep 60", "gives no answer within 0 seconds"),
    ],
)
def test_it_fails(program: Path, script: str, said: str) -> None:
    write(program, script)
    with pytest.raises(UsageError, match=said):
        ask_smi(seconds=0.5 if "sleep" in script else 30)


def test_it_can_t_be_run(program: Path) -> None:
    program.write_bytes(b"\x7fELF nothing")
    program.chmod(0o755)
    with pytest.raises(UsageError, match="name its output by --from"):
        ask_smi()
