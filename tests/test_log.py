"""Events of the library: for programs that listen, at no cost for the others."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from inspector import log


def test_who_listens_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "inspector"):
        log.info("layers", "%s: read", "sha256:1")
        log.debug("layers", "a detail")
    (event,) = caplog.records
    assert (event.name, event.levelname, event.getMessage()) == ("inspector.layers", "INFO", "sha256:1: read")
    assert event.funcName == "test_who_listens_is_told"


def test_the_library_prints_nothing_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("layers", "something")
    assert capsys.readouterr() == ("", "")
    assert any(isinstance(each, logging.NullHandler) for each in logging.getLogger("inspector").handlers)


def test_logging_is_imported_by_nobody_but_who_listens() -> None:
    script = "import sys; from inspector import log; log.info('a', 'b'); import inspector.cli.root; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert "inspector.log" in done.stdout.split()
    assert "logging" not in done.stdout.split()
