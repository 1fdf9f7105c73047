"""What becomes of an answer, or of none: an import that the sandbox may have prevented is never known to fail."""

from __future__ import annotations

from typing import Any

import pytest

from inspector.facts.runtime import Failure, RuntimeFacts
from inspector.runtime.host import Offer
from inspector.runtime.outcome import Answer, End, ProbeDevice, ProbeError, ProbeOutput, with_outcome
from inspector.runtime.sandbox import Limits
from inspector.unknown import Unknown

KNOWN = RuntimeFacts(ran=True, driver="550.54.15", seconds=2.0)
GPUS = Offer(vendor="nvidia", way="gpus")
NONE = Unknown("no GPU: none there")
WELL = End(0)
LIMITS = Limits(seconds=30, memory=1 << 30)


def answer(**changes: Any) -> Answer:
    """A CUDA build on a machine with one GPU, unless `changes` say otherwise."""
    usual: dict[str, Any] = {
        "imported": True,
        "path": "/app/torch",
        "torch": "2.6.0+cu124",
        "cuda": "12.4",
        "hip": None,
        "is_available": True,
        "devices": (ProbeDevice("NVIDIA A10", "8.6", 1 << 34),),
        "arch_list": ("sm_86",),
        "cudnn": "9.1.0",
        "driver": "560.1",
        "nodes": True,
        "root": False,
        "computed": True,
        "unavailable": None,
        "unreadable": None,
        "error": None,
        "seconds": 1.0,
    }
    return Answer(**{**usual, **changes})


def failed(kind: str, message: str = "", number: int | None = None, **changes: Any) -> RuntimeFacts:
    """What an import comes to that failed with this error."""
    given = answer(imported=False, torch=None, error=ProbeError(kind, message, number), **changes)
    return with_outcome(KNOWN, ProbeOutput("end", given), WELL, NONE, LIMITS)


def test_an_answer_is_told_as_it_is() -> None:
    found = with_outcome(KNOWN, ProbeOutput("end", answer()), WELL, GPUS, LIMITS)
    assert (found.gpu, found.imported, found.is_available, found.computed) == (True, True, True, True)
    assert (found.torch, found.cuda, found.cudnn, found.driver) == ("2.6.0+cu124", "12.4", "9.1.0", "560.1")
    assert (found.devices[0].memory, found.seconds, found.error, found.why_not) == (1 << 34, 2.0, None, "")


def test_without_a_gpu_it_says_why_there_was_none() -> None:
    given = answer(is_available=False, computed=None, devices=(), nodes=False, driver=None)
    found = with_outcome(KNOWN, ProbeOutput("end", given), WELL, NONE, LIMITS)
    assert (found.gpu, found.why_not, found.driver) == (False, "no GPU: none there", "550.54.15")


def test_a_gpu_that_never_reached_the_container_was_not_handed_over() -> None:
    given = answer(is_available=False, computed=None, devices=(), nodes=False)
    found = with_outcome(KNOWN, ProbeOutput("end", given), WELL, GPUS, LIMITS)
    assert (found.gpu, found.why_not) == (False, "no GPU: one was asked for, and none reached the container")


def test_nodes_that_torch_can_t_use_are_a_gpu_all_the_same() -> None:
    said = ProbeError("RuntimeError", "Unexpected error from cudaGetDeviceCount()", None)
    given = answer(is_available=False, computed=None, devices=(), unavailable=said)
    found = with_outcome(KNOWN, ProbeOutput("end", given), WELL, GPUS, LIMITS)
    assert (found.gpu, found.is_available) == (True, False)
    assert found.error == Failure("RuntimeError", "Unexpected error from cudaGetDeviceCount()")


def test_that_torch_finds_no_gpu_is_no_error_where_none_was_handed_over() -> None:
    said = ProbeError("RuntimeError", "Found no NVIDIA driver on your system.", None)
    given = answer(is_available=False, computed=None, devices=(), nodes=False, unavailable=said)
    assert with_outcome(KNOWN, ProbeOutput("end", given), WELL, NONE, LIMITS).error is None


@pytest.mark.parametrize(
    ("kind", "number", "message"),
    [("ModuleNotFoundError", None, "No module named 'torch'"), ("ImportError", None, "libcublas.so.12"), ("E", 2, "")],
)
def test_an_import_that_fails_fails(kind: str, number: int | None, message: str) -> None:
    found = failed(kind, message, number)
    assert (found.imported, found.error) == (False, Failure(kind, message))


@pytest.mark.parametrize(
    ("kind", "number", "message"),
    [
        ("OSError", 30, "Read-only file system"),
        ("OSError", 28, "No space left on device"),
        ("BlockingIOError", 11, "fork"),
        ("MemoryError", None, ""),
        ("RuntimeError", None, "can't start new thread"),
        ("ImportError", None, "libtorch_cuda.so: failed to map segment: Cannot allocate memory"),
    ],
)
def test_an_import_that_met_a_limit_is_not_known_to_fail(kind: str, number: int | None, message: str) -> None:
    found = failed(kind, message, number)
    assert found.imported is None
    assert found.error is not None
    assert found.error.message.startswith(message)
    assert "limited" in found.error.message


def test_root_without_capabilities_proves_nothing_by_what_it_can_t_read() -> None:
    for said, unreadable in ((("PermissionError", "denied", 13), None), (("ModuleNotFoundError", "", None), "/home/a")):
        assert failed(*said, root=True, unreadable=unreadable).imported is None
        assert failed(*said, root=False, unreadable=unreadable).imported is False
    assert failed("ImportError", "libtorch.so: Permission denied", root=True).imported is None


@pytest.mark.parametrize(
    ("stage", "end", "imported", "error"),
    [
        ("start", End(None), None, ("TimeLimit", "killed after 30 s, before it came to torch")),
        ("import", End(None), None, ("TimeLimit", "killed after 30 s, while it imported torch")),
        (
            "import",
            End(137, out_of_memory=True),
            None,
            ("MemoryLimit", "killed at 1024 MiB of memory, while it imported torch"),
        ),
        ("import", End(137), None, ("Ended", "the interpreter ended with 137, while it imported torch")),
        ("import", End(139), False, ("SIGSEGV", "the interpreter ended with 139, while it imported torch")),
        ("import", End(132), False, ("SIGILL", "the interpreter ended with 132, while it imported torch")),
        ("import", End(152), None, ("Ended", "the interpreter ended with 152, while it imported torch")),
        ("import", End(1), False, ("Ended", "the interpreter ended with 1, while it imported torch")),
        ("start", End(1), None, ("Ended", "the interpreter ended with 1, before it came to torch")),
        ("start", End(255), None, ("Ended", "the interpreter ended with 255, before it came to torch")),
    ],
)
def test_an_end_without_an_answer(stage: Any, end: End, imported: bool | None, error: tuple[str, str]) -> None:  # noqa: FBT001 - a table
    found = with_outcome(KNOWN, ProbeOutput(stage), end, NONE, LIMITS)
    assert (found.ran, found.imported, found.error) == (True, imported, Failure(*error))


def test_an_end_for_want_of_threads_is_not_known_to_be_the_image_s() -> None:
    errors = b"\nlibgomp: Thread creation failed: Resource temporarily unavailable\n"
    assert with_outcome(KNOWN, ProbeOutput("import"), End(1, errors), NONE, LIMITS).imported is None


def test_a_crash_after_the_import_leaves_what_was_told_before() -> None:
    before = answer(is_available=None, computed=None, devices=(), arch_list=())
    found = with_outcome(KNOWN, ProbeOutput("examine", before), End(139), GPUS, LIMITS)
    assert (found.imported, found.torch, found.is_available, found.gpu) == (True, "2.6.0+cu124", None, True)
    assert found.error == Failure("SIGSEGV", "the interpreter ended with 139, after it had imported torch")


def test_the_last_words_are_told_escaped_and_cut() -> None:
    errors = b"first\n\x1b[31mFatal Python error: \xff " + b"x" * 500 + b"\n\n"
    found = with_outcome(KNOWN, ProbeOutput("start"), End(1, errors), NONE, LIMITS)
    assert found.error is not None
    assert ": \\x1b[31mFatal Python error: \\ufffd xxx" in found.error.message
    assert len(found.error.message) < 400
