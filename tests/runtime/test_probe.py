"""The probe as a program of its own, beside a torch that isn't; tests/lab/test_runtime.py has a real one."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inspector.runtime.outcome import MAX_ANSWER, Answer, parse_stream
from inspector.runtime.sandbox import probe_source
from tests.runtime.stub import write_torch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="images that are run are Linux's")
MARK = "f00d"


class Ended(NamedTuple):
    """How the probe ended."""

    code: int
    output: bytes
    errors: bytes


@pytest.fixture(scope="session")
def torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_torch(tmp_path_factory.mktemp("path"))


def probe(path: Path | None, told: str = "", *, mark: str | None = MARK) -> Ended:
    """The source as an image's interpreter gets it, the search path and the stub's orders from the environment."""
    command = [sys.executable, "-c", probe_source(), *([mark] if mark else [])]
    environment = {"STUB": told, **({"PYTHONPATH": str(path)} if path else {})}
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60, cwd=path or "/")
    return Ended(done.returncode, done.stdout, done.stderr)


def answer(path: Path | None, told: str = "") -> Answer:
    """The answer, once it is whole."""
    ended = probe(path, told)
    parsed = parse_stream(ended.output, MARK)
    assert (ended.code, parsed.stage) == (0, "end"), ended
    assert parsed.answer is not None
    return parsed.answer


def test_it_answers_on_both_streams_but_by_hand_on_one(torch: Path) -> None:
    ended = probe(torch)
    assert parse_stream(ended.errors, MARK) == parse_stream(ended.output, MARK)
    assert not probe(torch, mark=None).errors


def error(given: Answer) -> tuple[str, str]:
    assert given.error is not None
    return given.error.type, given.error.message


def test_it_is_written_for_the_oldest_python_that_is_looked_for() -> None:
    ast.parse(probe_source(), feature_version=(3, 6))
    assert "from __future__" not in probe_source()


def test_its_source_fits_into_an_argument() -> None:
    assert len(probe_source().encode()) < 1 << 16


def test_without_torch_it_says_so(tmp_path: Path) -> None:
    given = answer(tmp_path)
    assert not given.imported
    assert error(given) == ("ModuleNotFoundError", "No module named 'torch'")


def test_by_hand_it_prints_one_object_and_nothing_else(torch: Path) -> None:
    ended = probe(torch, "gpus=1 noisy", mark=None)
    said: dict[str, Any] = json.loads(ended.output)
    assert said["imported"]
    assert said["devices"] == [{"name": "Stub GPU 0", "capability": "9.0", "memory": 80 << 30}]
    assert b"no line end" in ended.errors


def test_every_gpu_is_described_and_computed_on(torch: Path) -> None:
    given = answer(torch, "gpus=2")
    assert (given.torch, given.cuda, given.hip, given.cudnn) == ("2.6.0+cu124", "12.4", None, "9.1.0")
    assert (given.is_available, given.computed, given.arch_list[-1]) == (True, True, "sm_120")
    assert [device.name for device in given.devices] == ["Stub GPU 0", "Stub GPU 1"]
    assert given.path == str(torch / "torch")
    assert given.error is None


@pytest.mark.parametrize("told", ["gpus=1 wrong", "gpus=2 wrong"])
def test_a_wrong_product_on_any_gpu_is_seen(told: str, torch: Path) -> None:
    given = answer(torch, told)
    assert (given.is_available, given.computed, given.error) == (True, False, None)


def test_a_gpu_that_the_build_has_no_code_for_fails_with_its_error(torch: Path) -> None:
    given = answer(torch, "gpus=1 no-kernel")
    assert (given.is_available, given.computed) == (True, False)
    assert error(given) == ("RuntimeError", "CUDA error: no kernel image is available for execution on the device")
    assert len(given.devices) == 1


def test_without_a_gpu_a_cuda_build_tells_its_code_and_why_there_is_none(torch: Path) -> None:
    given = answer(torch, "")
    assert (given.imported, given.is_available, given.computed, given.error) == (True, False, None, None)
    assert given.arch_list[:2] == ("sm_75", "sm_80")
    assert given.unavailable is not None
    assert given.unavailable.message == "Found no NVIDIA driver on your system."


def test_the_warning_that_the_driver_is_too_old_is_told(torch: Path) -> None:
    given = answer(torch, "old-driver")
    assert given.unavailable is not None
    assert given.unavailable.type == "UserWarning"
    assert "driver on your system is too old" in given.unavailable.message


def test_a_cpu_build_has_nothing_to_explain(torch: Path) -> None:
    given = answer(torch, "cpu")
    assert (given.torch, given.cuda, given.is_available, given.unavailable) == ("2.6.0+cpu", None, False, None)
    assert given.arch_list == ()


def test_a_rocm_build_has_no_cudnn(torch: Path) -> None:
    given = answer(torch, "hip gpus=1")
    assert (given.hip, given.cuda, given.cudnn, given.computed) == ("6.2.41133", None, None, True)


def test_one_question_that_fails_leaves_the_others_answered(torch: Path) -> None:
    given = answer(torch, "gpus=1 bad-cudnn")
    assert error(given) == ("RuntimeError", "cuDNN version incompatibility")
    assert (given.cudnn, given.computed) == (None, True)


def test_a_build_without_cudnn(torch: Path) -> None:
    assert answer(torch, "no-cudnn").cudnn is None


def test_a_folder_that_only_looks_like_torch_has_no_version(torch: Path, tmp_path: Path) -> None:
    del torch
    (tmp_path / "torch").mkdir()
    given = answer(tmp_path)
    assert (given.imported, given.torch, given.path) == (True, None, str(tmp_path / "torch"))


def test_a_torch_of_another_kind_is_told_as_far_as_it_goes(torch: Path) -> None:
    given = answer(torch, "lone")
    assert (given.imported, given.torch, given.cuda, given.error) == (True, None, None, None)


@pytest.mark.parametrize(
    ("told", "kind", "number"),
    [("exits", "SystemExit", None), ("denied", "PermissionError", 13), ("read-only", "OSError", 30)],
)
def test_an_import_that_fails_in_its_own_way(told: str, kind: str, number: int | None, torch: Path) -> None:
    given = answer(torch, told)
    assert not given.imported
    assert given.error is not None
    assert (given.error.type, given.error.errno) == (kind, number)


def test_an_error_that_can_t_speak_is_still_one(torch: Path) -> None:
    assert error(answer(torch, "dumb")) == ("Dumb", "")


def test_what_is_long_or_no_ascii_is_cut_and_escaped(torch: Path) -> None:
    ended = probe(torch, "long")
    assert len(ended.output) < MAX_ANSWER
    ended.output.decode("ascii")
    assert error(answer(torch, "long")) == ("ImportError", "x" * 2000)


@pytest.mark.parametrize(("told", "stage"), [("crashes", "import"), ("crashes-later", "examine")])
def test_a_crash_leaves_how_far_it_came(told: str, stage: str, torch: Path) -> None:
    ended = probe(torch, told)
    parsed = parse_stream(ended.output, MARK)
    assert (ended.code, parsed.stage) == (-11, stage)
    assert (parsed.answer is None) == (stage == "import")
    assert parsed.answer is None or parsed.answer.torch == "2.6.0+cu124"


def test_what_torch_prints_is_no_answer(torch: Path) -> None:
    assert answer(torch, "gpus=1 noisy").computed


def test_what_runs_before_it_changes_nothing(tmp_path: Path) -> None:
    path = write_torch(tmp_path)
    fake = f"import sys\nprint('{MARK}x import')\nprint('import', end='')\nsys.stdout.flush()\nprint('late')\n"
    (path / "sitecustomize.py").write_text(fake)
    (path / "json.py").write_text("raise ImportError('another json')")
    given = answer(path, "gpus=1")
    assert (given.imported, given.computed) == (True, True)
