"""What the loader reads of an image when a Python starts."""

from __future__ import annotations

from inspector.python.environment import environment_of
from inspector.torchbuild.python_process import Whole
from tests.support import config_of, rootfs_of


def test_what_a_layer_does_not_keep_is_read_by_content() -> None:
    fs, config = rootfs_of({"opt/cache": b"its bytes", "etc/passwd": b"root:x:0:0::/:\n"}), config_of()
    whole = Whole(fs, environment_of(fs, config), lambda path: f"content of {path}".encode())
    assert whole.read("/opt/cache") == b"content of /opt/cache"
    assert whole.read("/etc/passwd") == b"root:x:0:0::/:\n"
