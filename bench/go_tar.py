"""Tars as Go lists them, and whether our scanner lists the same: each difference by the rule that explains it."""

from __future__ import annotations

import io
import os
import posixpath
import re
import shutil
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Self

import msgspec

from inspector.errors import CorruptLayer, InspectorError, LimitExceeded
from inspector.layers.entries import Entries, Entry
from inspector.layers.pax import Budget
from inspector.layers.readers import FileReader, Reader, StreamReader
from inspector.layers.runs import Runs
from inspector.layers.tar import Member, iter_members
from inspector.rootfs import Kind

PROGRAM = Path(__file__).parents[1] / "tests" / "go" / "tar"

RULES = {
    "same": "both list the same members, with the same data",
    "refused by both": "Go meets an error, and so do we; what stands before it is the same",
    "type": "dockerd and containerd answer 'unhandled tar header type' to types other than 0 to 6 and g",
    "global header's name": "engines take it for a file of its name, so we refuse names that no writer gives",
    "global header's record": "of one that is no number Go forgets it, and a name beside it or not, by chance",
    "name": "Linux takes no name with a NUL, none past 4096 bytes, and no part of one past 255",
    "root": "dockerd fails to put something else in place of the root directory, unless it is named '.'",
    "link": "Linux makes no symlink to nothing, and no link to a name past 4096 bytes",
    "target": "Linux makes no hard link to the root directory, nor to a name that is too long",
    "attribute": "Linux takes no attribute whose name has more than 255 bytes or whose value more than 64 KiB",
    "unread": "the program reads files up to 1 MiB; of a larger sparse one we alone see that its map fits no data",
    "bounds": "past a bound of ours: headers, records, pieces, attributes",
}
"""Why our listing may differ from Go's; anything else is a fault."""

UNEXPLAINED = "unexplained"

CHUNK = 700
"""Bytes of a stream's pieces."""
LARGE_CHUNK = 7000
"""The same where several headers are to lie in one."""

_ODD = re.compile(r"(?:(?:var/)?tmp/)?(?:GlobalHead[^/]*|pax_global_header|@PaxHeader)\Z")
_NAMES = ("file", "hardlink", "symlink", "char", "block", "directory", "fifo")
_KINDS = dict(zip("0123456", _NAMES, strict=True))
_KEPT = re.compile(rb"trusted\.overlay\.|user\.overlay\.|user\.fuseoverlayfs\.|security\.capability\Z")

Row = tuple[str, str, int, int, str, int, int, tuple[tuple[str, bytes], ...]]


class GoMember(msgspec.Struct):
    """One member as the program tells it."""

    name: bytes
    link: bytes
    type: int
    size: int
    mode: int
    uid: int
    gid: int
    xattrs: list[tuple[bytes, bytes]]
    crc: int
    unread: bool
    refused: bool


class Listing(msgspec.Struct):
    """One tar as the program tells it."""

    members: list[GoMember]
    error: str


class GoTar:
    """The program, built and running. Use as a context."""

    def __init__(self, folder: Path) -> None:
        self._binary = folder / "go-tar"
        build = {**os.environ, "GOFLAGS": "-mod=mod", "GOCACHE": str(folder / "cache"), "GO111MODULE": "on"}
        build.pop("GOTOOLCHAIN", None)
        go = shutil.which("go") or "go"
        subprocess.run([go, "build", "-o", str(self._binary), "."], cwd=PROGRAM, env=build, check=True)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([self._binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._decode = msgspec.json.Decoder(Listing).decode
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def lists(self, tars: Sequence[bytes]) -> list[Listing]:
        """What Go reads in each. The tars are sent from a thread, since the answers may fill the pipe meanwhile."""
        sent, answers = self._process.stdin, self._process.stdout
        if sent is None or answers is None:
            raise RuntimeError("the program has no pipes")
        sender = threading.Thread(target=_send, args=(sent, tars))
        sender.start()
        found = [self._decode(answers.readline()) for _ in tars]
        sender.join()
        return found


def _send(pipe: IO[bytes], tars: Sequence[bytes]) -> None:
    for content in tars:
        pipe.write(len(content).to_bytes(4, "big") + content)
    pipe.flush()


def rule(content: bytes, listing: Listing) -> str:
    """The rule by which our listing of `content` is right, `UNEXPLAINED` where none says so."""
    members, error = _ours(content)
    if any(each != (list(map(_row, members)), error and error.kind) for each in _by_runs(content)):
        return UNEXPLAINED
    rows, refusal = _as_engine(listing)
    ours = [_row(member) for member in members]
    if ours != rows[: len(ours)] or not _data_are_same(content, members, listing):
        return UNEXPLAINED
    whole = len(ours) == len(rows)
    if error is None:
        return "same" if whole and not (listing.error or refusal) else UNEXPLAINED
    if refusal or not listing.error:
        return refusal if refusal and whole else _own(error, listing)
    in_data = len(ours) == len(rows) - 1 and rows[-1][1] == "file"  # whose error Go meets behind its header
    return "refused by both" if whole or in_data else _own(error, listing)


def _own(error: InspectorError, listing: Listing) -> str:
    """The rule of ours by which we refuse what Go takes."""
    if isinstance(error, LimitExceeded):
        return "bounds"
    if "global header with a record" in str(error):
        return "global header's record"
    large = any(member.unread for member in listing.members)
    return "unread" if large and isinstance(error, CorruptLayer) and "in pieces" in str(error) else UNEXPLAINED


def _ours(content: bytes) -> tuple[list[Member], InspectorError | None]:
    """Our members and error; from a file for one half of the tars, from a stream for the other."""
    members = []
    reader: Reader = FileReader(io.BytesIO(content), 0, len(content))
    if zlib.crc32(content) & 1:
        reader = StreamReader(content[at : at + CHUNK] for at in range(0, len(content), CHUNK))
    try:
        for member in iter_members(reader):
            members.append(member)  # noqa: PERF402 - those before an error count too
    except InspectorError as error:
        return members, error
    return members, None


def _by_runs(content: bytes) -> Iterator[tuple[list[Row], str | None]]:
    """The rows and the kind of error where runs of ordinary headers are read at once, in a file and in a stream."""
    sought, entries = FileReader(io.BytesIO(content), 0, len(content)), Entries()
    yield _with_runs(sought, entries, partial(Runs(entries).take, sought, lambda *_: None))
    streamed, entries = (
        StreamReader(content[at : at + LARGE_CHUNK] for at in range(0, len(content), LARGE_CHUNK)),
        Entries(),
    )
    yield _with_runs(streamed, entries, partial(Runs(entries).take, streamed, lambda *_: None))


def _with_runs(reader: Reader, entries: Entries, run: Callable[[int, Budget], int]) -> tuple[list[Row], str | None]:
    try:
        for member in iter_members(reader, run=run):
            owner = (member.uid, member.gid, member.attributes, member.device)
            entries.add(member.path, member.kind, member.mode, member.size, member.link, b"", owner)
    except InspectorError as error:
        return list(map(_row, entries)), error.kind
    return list(map(_row, entries)), None


def _as_engine(listing: Listing) -> tuple[list[Row], str]:
    """Go's members up to the first that no engine unpacks, and the rule that says so."""
    rows: list[Row] = []
    for member in listing.members:
        refusal = _refusal(member)
        if refusal:
            return rows, refusal
        if not _ignored(member):
            rows.append(_expected(member))
    return rows, ""


def _ignored(member: GoMember) -> bool:
    """Whether engines pass over it: a global header, and what is no directory and named as the root is."""
    return member.type == ord("g") or (member.type != ord("5") and posixpath.normpath(member.name) == b".")


def _refusal(member: GoMember) -> str:
    path, kind = _path(member.name), chr(member.type)
    if kind == "g":
        return "" if _ODD.match(path) or not member.name else "global header's name"
    tests = {
        "type": member.refused,
        "name": _too_long(path) or "\0" in path,
        "root": not path and kind != "5" and not _ignored(member),
        "link": bool(path) and kind in "12" and (not member.link or len(member.link) > 4096),
        "target": bool(path) and kind == "1" and (_too_long(_path(member.link)) or not _path(member.link)),
        "attribute": any(_KEPT.match(key) and (len(key) > 255 or len(value) > 65536) for key, value in member.xattrs),
    }
    return next((name for name, refused in tests.items() if refused), "")


def _expected(member: GoMember) -> Row:
    kind, link = _KINDS[chr(member.type)], ""
    if kind == "symlink":
        link = member.link.decode("utf-8", "surrogateescape")
    elif kind == "hardlink":
        link = _path(member.link)
    size = member.size if kind == "file" else 0
    xattrs = tuple((key.decode("utf-8", "surrogateescape"), value) for key, value in member.xattrs if _KEPT.match(key))
    return _path(member.name), kind, member.mode & 0o7777, size, link, _owner(member.uid), _owner(member.gid), xattrs


def _row(member: Member | Entry) -> Row:
    kind, owner = member.kind.value, (member.uid, member.gid, member.attributes)
    return member.path, kind, member.mode, member.size, member.link, *owner


def _path(name: bytes) -> str:
    return posixpath.normpath("/" + name.decode("utf-8", "surrogateescape").lstrip("/"))[1:]


def _too_long(path: str) -> bool:
    parts = path.encode("utf-8", "surrogateescape").split(b"/")
    return sum(map(len, parts), len(parts) - 1) > 4096 or any(len(part) > 255 for part in parts)


def _owner(number: int) -> int:
    return number % (1 << 32) if number % (1 << 32) != (1 << 32) - 1 else 0


def _data_are_same(content: bytes, members: list[Member], listing: Listing) -> bool:
    """Whether each file's bytes, where they stand in one piece, are those that Go read."""
    theirs = [member for member in listing.members if not _ignored(member)]
    for at, (member, their) in enumerate(zip(members, theirs, strict=False)):
        if member.kind is not Kind.FILE or their.unread or member.size != member.stored:
            continue
        if listing.error and at == len(theirs) - 1:  # perhaps in these very data
            continue
        if zlib.crc32(content[member.offset : member.offset + member.stored]) != their.crc:
            return False
    return True
