"""Images with a torch, a few layers of which do odd things to its files, as Hypothesis draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from hypothesis import strategies as st

from fixtures.elf import Elf
from fixtures.torches import torch_cpu
from inspector.testing.image import Image, Step
from inspector.testing.tree import Dir, File, Hardlink, Link, Member, Tree
from tests.torchbuild.asking import ENV, SITE, slim

Change = Callable[[st.DrawFn, str], Tree]
"""Draws a layer that does something to the file at a path."""

_SYSTEM = "usr/lib/x86_64-linux-gnu"
_STORE = "ostree/repo/objects/4f"
_ENVIRONMENTS = ("", "LD_LIBRARY_PATH=/opt/lib", "LD_PRELOAD=libm.so.6", "LD_PRELOAD=/opt/lib/none.so", "LD_BIND_NOW=1")
_MODES = (0o644, 0o755, 0o600, 0o000, 0o4755, 0o111, 0o444)


@cache
def base() -> dict[str, Member]:
    """Debian, Python and a torch for CPUs."""
    return slim(torch_cpu())


@cache
def base_step() -> Step:
    """The layer of all these."""
    return Step("COPY everything", base())


@cache
def places() -> tuple[str, ...]:
    """Files that decide whether torch is imported, the likelier ones first."""
    files = [path for path, member in base().items() if isinstance(member, File | bytes)]
    libraries = [path for path in files if ".so" in path]
    own = [path for path in files if path.startswith(f"{SITE}/torch") and path not in libraries]
    others = [path for path in files if path.endswith(("/site.py", "/os.py", "bin/python3.11"))]
    return (*libraries, *own, *others)


def content(path: str) -> bytes:
    """What the base has at a path."""
    member = base()[path]
    return member.data if isinstance(member, File) else member if isinstance(member, bytes) else b""


def _mode(path: str) -> int:
    member = base()[path]
    return member.mode if isinstance(member, File) else 0o644


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def _removed(draw: st.DrawFn, path: str) -> Tree:
    del draw
    folder, name = _split(path)
    return {f"{folder}/.wh.{name}": b""}


def _emptied(draw: st.DrawFn, path: str) -> Tree:
    """Hide all of a file's folder, but perhaps itself."""
    folder, _ = _split(path)
    own: Tree = {path: File(content(path), _mode(path))} if draw(st.booleans()) else {}
    return {f"{folder}/.wh..wh..opq": b"", **own}


def _cut(draw: st.DrawFn, path: str) -> Tree:
    data = content(path)
    end = draw(st.sampled_from([0, 1, 4, 63, 64, 120, len(data) // 2, len(data) - 1]))
    return {path: File(data[:end], _mode(path))}


def _overwritten(draw: st.DrawFn, path: str) -> Tree:
    """Change a few bytes, some of them those of the headers."""
    data = bytearray(content(path))
    for _ in range(draw(st.integers(1, 3))):
        if data:
            data[draw(st.integers(0, min(len(data), 600) - 1))] = draw(st.sampled_from([0, 1, 3, 62, 183, 255]))
    return {path: File(bytes(data), _mode(path))}


def _with_rights(draw: st.DrawFn, path: str) -> Tree:
    owner = draw(st.sampled_from([(0, 0), (1000, 1000), (33, 33)]))
    return {path: File(content(path), draw(st.sampled_from(_MODES)), owner=owner)}


def _folder_with_rights(draw: st.DrawFn, path: str) -> Tree:
    folder, _ = _split(path)
    return {f"{folder}/": Dir(draw(st.sampled_from([0o755, 0o700, 0o000, 0o711])))}


def _stored_elsewhere(draw: st.DrawFn, path: str) -> Tree:
    """Lead to a file of another name, which tells nothing of what it is."""
    name = draw(st.sampled_from([f"{_STORE}/data", "opt/blob", "opt/lib/libother.so.1", "opt/a b/x.dat"]))
    target = draw(st.sampled_from([f"/{name}", "../" * path.count("/") + name]))
    return {name: File(content(path), draw(st.sampled_from(_MODES))), path: Link(target)}


def _linked(draw: st.DrawFn, path: str) -> Tree:
    """Give a file a second name, before or behind its own."""
    other = draw(st.sampled_from([f"{_STORE}/{'0' * 32}.file", "opt/blob", "opt/lib/libsame.so", "zz/late.bin"]))
    mode = draw(st.sampled_from(_MODES))
    if draw(st.booleans()):
        return {other: File(content(path), mode), path: Hardlink(other)}
    return {path: File(content(path), mode), other: Hardlink(path)}


def _folder_linked(draw: st.DrawFn, path: str) -> Tree:
    """Put a file's folder elsewhere, and a link in its place."""
    folder, name = _split(path)
    also = {f"opt/moved/{name}": File(content(path), _mode(path))} if draw(st.booleans()) else {}
    return {"opt/moved/": Dir(), **also, folder: Link("/opt/moved")}


def _replaced(draw: st.DrawFn, path: str) -> Tree:
    """Put another library in a file's place."""
    _, name = _split(path)
    asked = draw(st.sampled_from(["libm.so.6", "libnone.so.1", "libc10.so", "/opt/lib/libx.so"]))
    library = Elf(
        soname=draw(st.sampled_from(["", name, "libc10.so"])),
        needed=(asked,),
        undefined=draw(st.sampled_from([(), ("not_there",), ("gnu_get_libc_version",)])),
        requires=draw(st.sampled_from([{}, {"libc.so.6": ("GLIBC_2.17",)}, {"libc.so.6": ("GLIBC_2.99",)}])),
        runpath=draw(st.sampled_from(["", "$ORIGIN", "/opt/lib"])),
        symbols=draw(st.sampled_from([(), ("PyInit__C",), ("PyInit_math",)])),
        machine=draw(st.sampled_from(["x86_64", "x86_64", "aarch64"])),
    )
    return {path: File(library.encode(), draw(st.sampled_from(_MODES)))}


def _padded(draw: st.DrawFn, path: str) -> Tree:
    return {path: File(content(path) + bytes(draw(st.sampled_from([1, 4096, 70_000]))), _mode(path))}


def _of_another_kind(draw: st.DrawFn, path: str) -> Tree:
    del draw
    return {f"{path}/": Dir()}


def _with_library(draw: st.DrawFn, path: str) -> Tree:
    """Put a library of a system name where an environment may look for it first."""
    del path
    name = draw(st.sampled_from(["libm.so.6", "libstdc++.so.6", "libpython3.11.so.1.0", "libc10.so", "libx.so"]))
    return {f"opt/lib/{name}": File(Elf(soname=name, needed=("libc.so.6",)).encode(), draw(st.sampled_from(_MODES)))}


_CHANGES: Sequence[Change] = (
    _removed,
    _emptied,
    _cut,
    _overwritten,
    _with_rights,
    _folder_with_rights,
    _stored_elsewhere,
    _linked,
    _folder_linked,
    _replaced,
    _padded,
    _of_another_kind,
    _with_library,
)


def with_parents(tree: Tree) -> Tree:
    """Name the directories of each file before it, as engines write layers: on disk these can't be told from others."""
    found: dict[str, Member] = {}
    for path, member in tree.items():
        parts = path.rstrip("/").split("/")
        for end in range(1, len(parts)):
            parent = "/".join(parts[:end])
            if f"{parent}/" not in tree and not isinstance(tree.get(parent), Link):
                found.setdefault(f"{parent}/", Dir())
        found[path] = member
    return found


@st.composite
def odd_images(draw: st.DrawFn) -> Image:
    """Draw an image whose first layer has all, and whose others do odd things, each to one file."""
    steps = [base_step()]
    for _ in range(draw(st.integers(1, 3))):
        change, path = draw(st.sampled_from(_CHANGES)), draw(st.sampled_from(places()))
        steps.append(Step(f"RUN {change.__name__} {path}", with_parents(change(draw, path))))
    env = [f"PATH={ENV['PATH']}", *filter(None, [draw(st.sampled_from(_ENVIRONMENTS))])]
    user = draw(st.sampled_from(["", "1000", "www-data"]))
    image = Image(steps=steps, env=env, user=user, cmd=["python"], working_dir=draw(st.sampled_from(["", "/app"])))
    return replace(image, tags=["ways/image:1"])
