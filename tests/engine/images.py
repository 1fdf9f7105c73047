"""Images for tests of engines."""

from __future__ import annotations

from inspector.testing.image import Image, Step
from inspector.testing.tree import Dir, File, Hardlink, Link

SMALL = Image(
    steps=[
        Step("ADD base", {"etc/": Dir(), "etc/passwd": b"root:x:0:0\n", "bin/sh": File(b"\x7fELF", 0o755)}),
        Step("ENV A=1"),
        Step("COPY app", {"app/": Dir(), "app/main.py": b"print(1)\n", "app/link": Link("main.py")}),
    ],
    tags=["small:1", "small:also"],
    env=["A=1", "PATH=/bin"],
    cmd=["python", "main.py"],
    entrypoint=["/bin/sh"],
    working_dir="/app",
    user="1000",
    labels={"a": "b"},
)

KINDS = Image(
    steps=[
        Step(
            "ADD kinds",
            {
                "etc/": Dir(),
                "etc/passwd": b"root",
                "etc/relative": Link("passwd"),
                "etc/absolute": Link("/etc/passwd"),
                "etc/chain": Link("relative"),
                "etc/dangling": Link("nowhere/at/all"),
                "etc/loop": Link("loop"),
                "etc/ping": Link("pong"),
                "etc/pong": Link("ping"),
                "folder/": Dir(),
                "folder/sub/": Dir(0o1777),
                "folder/sub/file": b"x" * 100,
                "to-folder": Link("folder"),
                "to-sub": Link("to-folder/sub"),
                "escaping": Link("../../etc/passwd"),
                "self": Link("."),
                "setuid": File(b"a", 0o4755),
                "hard": Hardlink("etc/passwd"),
                "usr/bin/python3.11": File(b"\x7fELF", 0o755),
                "usr/bin/python3": Link("python3.11"),
                "bin": Link("usr/bin"),
                "up": Link("../folder/../folder/sub/file"),
                "na me&?#%": b"2",
                "\u00fcml\u00e4ut": b"3",
                "\udcff\udcfe": b"4",
                "to-bytes": Link("\udcff\udcfe"),
                "empty": b"",
            },
        )
    ],
    tags=["kinds:1"],
    cmd=["/x"],
)

PATHS = [
    *(
        f"/{path.rstrip('/')}"
        for step in KINDS.steps
        for path in step.tree or {}
        if path.isprintable() and path != "to-bytes"
    ),
    *("/", "/to-folder/sub", "/to-folder/sub/file", "/to-sub/file", "/bin/python3", "/self/self/etc/chain"),
    *("/nope", "/nope/x", "/etc/passwd/x", "/etc/relative/x", "/etc/dangling/x", "/etc/loop/x", "/etc/ping/x"),
    *("/a\0b", "/" + "n" * 256),
]
"""Paths whose answer must be the same from every engine."""
