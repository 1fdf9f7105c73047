"""What settings of the image leave open about the answer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from inspector.facts.doubts import makes_errors

_WARNS = "import warnings; warnings.warn('x', UserWarning)"


@pytest.mark.parametrize(
    ("warnings", "errors"),
    [
        ("", False),
        ("error", True),
        ("e", True),
        (" error ", True),
        ("error,", True),
        ("ignore,error", True),
        ("error,ignore", False),
        ("error, ", False),
        ("error,ignore:::never", True),
        ("error,ignore:a:b:c:d:e", True),
        ("error,nonsense", True),
        ("error::ResourceWarning", False),
        ("error::BytesWarning,ignore", False),
        ("Error", False),
        ("default", False),
    ],
)
def test_filters_that_make_errors_are_those_of_python(warnings: str, errors: bool) -> None:  # noqa: FBT001
    assert makes_errors(warnings) is errors
    env = {"PYTHONWARNINGS": warnings}
    done = subprocess.run([sys.executable, "-c", _WARNS], check=False, capture_output=True, env=env, timeout=60)
    assert bool(done.returncode) is errors


def test_filters_of_some_warnings_are_doubted() -> None:
    assert makes_errors("error::DeprecationWarning")
    assert makes_errors("error:::torch,ignore::UserWarning")
