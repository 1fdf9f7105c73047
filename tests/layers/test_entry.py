"""That an index kept by an older version never passes for one of this version."""

from __future__ import annotations

import hashlib

from fixtures.elf import Elf
from inspector.layers import retention, sums
from inspector.layers.entry import SCANNER_VERSION
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Tree
from tests.support import index_of

FINGERPRINTS = {
    1: "c2651562c1486b95",
    2: "8ed64f3a693e3d1b",
    3: "8c1847ca3a3020cd",
    4: "8c1847ca3a3020cd",
    5: "8c1847ca3a3020cd",
    6: "61ebb75c1b859962",
    7: "783a72a4fe7cae80",
    8: "c6981423396a0a81",
    9: "05a7cd2c9bb5d859",
    10: "a05c2edfae0ddc78",
    11: "7a1900c8f8ee1d2a",
    12: "29f12a51b423f116",
}
"""What each version made of `SAMPLE`. Once released, a line stays; a change of the answer is a new version."""

SITE = "usr/lib/python3.11/site-packages"
SAMPLE: Tree = {
    "./": Dir(),
    "etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
    "bin/tool": File(b"#!/bin/sh -e\nexit\n", 0o755),
    "bin/elf": File(b"\x7fELF" + bytes(9000), 0o755),
    "lib/libx.so.1": Elf(soname="libx.so.1", needed=("libc.so.6",), defines=("X_1",)).encode(),
    "usr/local/cuda/compat/libcuda.so.590.44.01": b"\x7fELF" + bytes(9000),
    f"{SITE}/torch/lib/libtorch_python.so": Elf(text=b"sm_80 sm_90\0").encode(),
    "bin/sh": Link("/bin/tool"),
    "bin/ash": Hardlink("bin/tool"),
    f"{SITE}/torch/version.py": b"cuda = None\n",
    f"{SITE}/torch/big.bin": bytes(5000),
    f"{SITE}/torch-2.0.dist-info/METADATA": b"Name: torch\n",
    f"{SITE}/torch-2.0.dist-info/RECORD": b"torch/version.py,,\n",
    f"{SITE}/x.pth": b"/opt\n",
    "venv/pyvenv.cfg": b"home = /usr/bin\n",
    "d/.wh..wh..opq": b"",
    ".wh.gone": b"",
    "caf\udce9": b"",
    "long/" + "n" * 200: b"c6981423396a0a81",
    "dev/null": Device(),
}


def test_whoever_changes_what_an_index_holds_raises_the_scanner_version() -> None:
    rules = [retention._BY_NAME, retention._BY_SUFFIX, retention._EDITABLE, retention._TORCH_ELF, retention._COMPAT]
    limits = [retention.MAX_KEPT, retention.SCRIPT_HEAD, retention.ELF_HEAD, retention.COMPAT_HEAD]
    index = index_of(SAMPLE)
    objects = [index.objects.skeletons, index.objects.loaders, index.objects.listed, index.objects.offsets]
    objects += [index.objects.sums, sums._FOLDERS, sums.MODULE]
    told = repr((rules, limits, index.entries, index.size, index.warnings, *objects))
    fingerprint = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    assert fingerprint == FINGERPRINTS[SCANNER_VERSION], (
        "the same bytes make another index now: raise SCANNER_VERSION in inspector/layers/entry.py, lest indexes in "
        "users' caches pass for new ones, and add the new fingerprint"
    )
