"""The recorder for GPU hosts, with a stub in torch's place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.runtime.record import UUID, environments, record
from tests.runtime.stub import write_torch

SMI = "index, name, uuid, driver_version, compute_cap\n0, NVIDIA H200, GPU-9, 590.44.01, 9.0\n"


def test_a_recording(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(write_torch(tmp_path)))
    found = record(sys.executable, [{"STUB": "gpus=1"}, {"STUB": None, "CUDA_VISIBLE_DEVICES": UUID}], SMI)
    assert found["machine"]["gpus"] == [["NVIDIA H200", "9.0"]]
    assert found["machine"]["driver"] == "590.44.01"
    assert "GPU-9" not in found["machine"]["smi"]
    first, second = found["cases"]
    assert (first["answer"]["imported"], first["answer"]["is_available"]) == (True, True)
    assert (second["env"]["CUDA_VISIBLE_DEVICES"], second["answer"]["is_available"]) == (UUID, False)


def test_the_environments_are_those_that_were_recorded() -> None:
    assert {} in environments()
    assert {"CUDA_FORCE_PTX_JIT": "1"} in environments()
