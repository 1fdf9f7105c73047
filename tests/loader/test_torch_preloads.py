"""What torch's own `__init__` opens by lines of its own, before anything else."""

from __future__ import annotations

import pytest

from inspector.loader.torch_preloads import read_opened

PACKAGE = "/s/torch"
END = "\nif True:\n    _load_global_deps()\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import ctypes\n" + END, ()),
        ("ctypes.CDLL('/opt/x.so')" + END, (("/opt/x.so", False),)),
        ("ctypes.CDLL('libx.so', mode=ctypes.RTLD_GLOBAL)" + END, (("libx.so", True),)),
        ("ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'lib', 'x.so'))" + END, (("/s/torch/lib/x.so", False),)),
        ("ctypes.CDLL(os.path.join(os.path.dirname(__file__), '/x.so'))" + END, None),
        ("ctypes.CDLL(name)" + END, None),
        ("if x: ctypes.CDLL('/opt/x.so')" + END, None),
        ("ctypes.CDLL('/opt/x.so', use_errno=True)" + END, None),
        ("ctypes.cdll.LoadLibrary('/opt/x.so')" + END, None),
        (END + "ctypes.CDLL('/opt/x.so')\n", None),
        ("ctypes.CDLL(" + "(" * 300 + END, None),
        ("\n".join(["ctypes.CDLL('/opt/x.so')"] * 200) + END, None),
    ],
)
def test_opened_first(text: str, expected: tuple[tuple[str, bool], ...] | None) -> None:
    assert read_opened(text, PACKAGE) == expected
    assert read_opened(text.encode(), PACKAGE) == expected
