"""Tars as no writer makes them: headers with odd fields, extended headers in odd orders, cut and turned about."""

from __future__ import annotations

import bz2
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

BLOCK = 512
MOST = 24 * BLOCK
"""Bytes of one tar."""

_MAGICS = (b"ustar\x0000",) * 4 + (b"ustar  \0",) * 3 + (bytes(8), b"ustar\0xx", b"ustar 00", b"ustar\0\0\0")
_FIELDS = ((100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (148, 8), (329, 8), (337, 8))
_NAMES = (b"a|f1|f2|usr/lib/z|d/|d/b|d/c|./c|../e||/|d//./b/|\xff\xfe|.wh.a|a\0b|" + b"x" * 100).split(b"|")
_TYPES = b"000000000\0\0\0\00000555551111222223456" * 8 + b"7SxgLKZVMND\x80 "
_KEYS = (
    b"path linkpath size uid gid mtime atime ctime uname gname comment GNU.sparse.major GNU.sparse.minor"
    b" GNU.sparse.name GNU.sparse.size GNU.sparse.realsize GNU.sparse.map GNU.sparse.numblocks GNU.sparse.offset"
    b" GNU.sparse.numbytes SCHILY.xattr.trusted.overlay.opaque SCHILY.xattr.trusted.overlay.redirect"
    b" SCHILY.xattr.security.capability SCHILY.xattr.user.x LIBARCHIVE.xattr.trusted.overlay.opaque"
).split()
_VALUES = (
    b"|0|1|-1|+5|007|512|1.5|-3.25|.5|5.|1e3|0x1| 1|1 |a|y|name|d/|a\0b|x=y|9223372036854775807|9223372036854775808"
    b"|-9223372036854775808|-9223372036854775809|0,5|0,1,5,2|0,0|,|0,0,0,|1_0|12345678901234567890|1.2.3|/abs|\xc3\xa9"
    b"|-|4294967295|4294967296|00000000000000000000000000000005|1.12345678901|0\n|\x01\0\0\2"
).split(b"|")
_RIGHT = b"|0|1|1|5|+5|007|512|1000|4294967295|0000000000000000000000000000005".split(b"|")
_SPARSE_VALUES = b"0|1|5|512|1024|-1|x||0,5|0,5,512,0|5,5,0,5|0,1024|1,0".split(b"|")
_GLOBAL_NAMES = (b"pax_global_header",) * 6 + (b"/tmp/GlobalHead.1.1", b"a")
_ODD_PIECES = ([(0, 0)], [(5, 5), (0, 5)], [(0, 2000)], [(0, 5), (5, 7)], [(-1, 2)], [(0, -1)], [(3, 0), (3, 4)])


T = TypeVar("T")


def _pick(rnd: Random, choices: Sequence[T]) -> T:
    """One of them, in half the time of `Random.choice`."""
    return choices[int(rnd.random() * len(choices))]


def odd_tar(rnd: Random, seeds: Sequence[bytes] = ()) -> bytes:
    """One tar."""
    if seeds and rnd.random() < 0.15:
        content = _window(rnd, _pick(rnd, seeds))
    elif rnd.random() < 0.4:
        content = b"".join(_nearly_plain(rnd) for _ in range(_pick(rnd, (2, 4, 8)))) + bytes(1024)
    else:
        content = b"".join(_item(rnd) for _ in range(_pick(rnd, (1, 1, 2, 2, 3, 4, 6))))
        content += _pick(rnd, (bytes(1024),) * 9 + (b"", bytes(512), bytes(700), b"x" * 512))
    for _ in range(_pick(rnd, (0, 0, 0, 0, 0, 1, 1, 2))):
        content = _pick(rnd, _DAMAGES)(rnd, content)
    return content[:MOST]


def corpus(folder: Path) -> list[bytes]:
    """The tars of a folder, packed ones unpacked."""
    found = []
    for path in sorted(folder.rglob("*.tar*")):
        data = path.read_bytes()
        found.append(bz2.decompress(data) if path.suffix == ".bz2" else data)
    return found


def header(rnd: Random, name: bytes, flag: bytes, size: int, link: bytes = b"") -> bytearray:
    """A header, most often with nothing wrong."""
    block = bytearray(BLOCK)
    magic = _pick(rnd, _MAGICS)
    parts = [(0, name[:100]), (100, b"0000644\0"), (108, b"0000000\0"), (116, b"0000000\0"), (124, b"%011o\0" % size)]
    parts += [(136, b"00000000000\0"), (156, flag), (157, link[:100]), (257, magic)]
    if rnd.random() < 0.3:
        parts.append((345, _prefix(rnd)))
    if rnd.random() < 0.05:
        parts.append((508, b"tar\0"))
    if rnd.random() < 0.12:
        at, width = _pick(rnd, _FIELDS)
        parts.append((at, odd_number(rnd, width)))
    for at, text in parts:
        block[at : at + len(text)] = text
    return summed(rnd, block)


def summed(rnd: Random, block: bytearray) -> bytearray:
    """The header with its checksum, in one of its forms; now and then a wrong one."""
    chance = rnd.random()
    block[148:156] = b" " * 8
    total = sum(block) if chance > 0.03 else sum(struct.unpack("512b", block))
    form = b"%06o\0 " if chance > 0.05 else _pick(rnd, (b"%07o\0", b"%8o", b"%-8o", b"\0%6o ", b"%06o\0x", b"%06o x"))
    block[148:156] = (form % max(total - (chance < 0.01), 0))[:8].ljust(8, b"\0")
    return block


def odd_number(rnd: Random, width: int) -> bytes:
    """A number in one of the forms that some reader takes or refuses."""
    small = _pick(rnd, (0, 1, 5, 0o644, 512, 1024, 4096))
    octal = b"%o" % small
    if rnd.random() < 0.4:
        return _pick(rnd, _BASE_256)(rnd, width, small)
    forms = (
        *(octal.rjust(width - 1, b"0") + b"\0", octal.rjust(width, b"0"), octal.rjust(width), octal.ljust(width)),
        *(octal.rjust(width, b"\0"), octal.ljust(width, b"\0"), bytes(width), b" " * width, b"\0 " + octal),
        *(octal + b" \0 ", b"-" + octal, b"+" + octal, b"0x" + octal, b"0o" + octal, octal + b"8", octal + b"\0junk"),
        *(octal + b" 1", b"1_0", b"7" * width, b"\xc2\xa01", b"\t1"),
    )
    return _pick(rnd, forms)[:width].ljust(width, b"\0")


_BASE_256: tuple[Callable[[Random, int, int], bytes], ...] = (
    lambda _, width, small: (small | 1 << width * 8 - 1).to_bytes(width, "big"),
    lambda _, width, small: (-small & (1 << width * 8) - 1).to_bytes(width, "big"),
    lambda _, width, __: b"\x80" + b"\xff" * (width - 1),
    lambda _, width, __: b"\xbf" + b"\xff" * (width - 1),
    lambda _, width, __: b"\xc0" + bytes(width - 1),
    lambda _, width, __: ((1 << 63) - 1 | 1 << width * 8 - 1).to_bytes(max(width, 8), "big")[:width],
    lambda _, width, __: (-(1 << 63) & (1 << max(width, 9) * 8) - 1).to_bytes(max(width, 9), "big")[-width:],
    lambda rnd, width, _: rnd.randbytes(width),
)  # 2^63 - 1 and -2^63 are the last that Go takes


def _prefix(rnd: Random) -> bytes:
    """What may stand behind the device numbers: a prefix, or GNU's times."""
    times = (odd_number(rnd, 12), odd_number(rnd, 12), b"usr/local\0", b"p", b"\xc3\xa9x", b"usr/local/lib/x/y/z/long")
    chosen = _pick(rnd, times)
    return chosen + _pick(rnd, times) if rnd.random() < 0.5 else chosen


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def _item(rnd: Random) -> bytes:
    """A member, with extended headers before it or none."""
    chance = rnd.random()
    if chance < 0.2:
        return _sparse(rnd)
    if chance < 0.21:
        return _pick(rnd, (bytes(BLOCK), rnd.randbytes(BLOCK), b"\0" * 511 + b"x"))
    before = b"".join(_extended(rnd) for _ in range(_pick(rnd, (0, 0, 1, 1, 2, 3))))
    return before + _member(rnd)


def _nearly_plain(rnd: Random) -> bytes:
    """A file or a directory as nearly all are, now and then with another byte in its header."""
    name = _pick(rnd, (b"a", b"d/", b"d/f.py", b"d/f.py", b"./d/x.so", b"e/f/g", b"\xc3\xa9/\xff", *_NAMES))
    data = b"" if name.endswith(b"/") else _pick(rnd, (b"", b"hello", b"\x7fELF\2\1", b"x" * 512, b"y" * 700))
    block = bytearray(BLOCK)
    parts = [
        (0, name[:100]),
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000007\0"),
        (124, b"%011o\0" % len(data)),
    ]
    parts += [(136, b"15032541057\0"), (156, b"5" if name.endswith(b"/") else b"0"), (257, b"ustar\x0000")]
    if rnd.random() < 0.2:
        parts.append((345, _pick(rnd, (b"usr/local", b"./usr", b"usr/", b"/", b"u\xff", b"../x", b"p" * 155, b"a\0b"))))
    for at, text in parts:
        block[at : at + len(text)] = text
    if rnd.random() < 0.15:
        block[int(rnd.random() * BLOCK)] = _pick(rnd, (0, 32, 47, 48, 55, 56, 46, 128, 255, rnd.randrange(256)))
    return bytes(summed(rnd, block)) + _padded(data)


def _member(rnd: Random) -> bytes:
    at = int(rnd.random() * len(_TYPES))
    has_data = _TYPES[at] not in b"123456xgLK" or rnd.random() < 0.05
    data = _pick(rnd, (b"", b"", b"hello", b"x" * 511, b"y" * 512, b"z" * 700)) if has_data else b""
    stated = len(data) if rnd.random() < 0.95 else _pick(rnd, (0, 1, 512, 513, 8**11 - 1))
    link = _pick(rnd, (b"a", b"a", b"a", b"", b"/", b"d/b", b"..", b"x" * 100))
    return bytes(header(rnd, _pick(rnd, _NAMES), _TYPES[at : at + 1], stated, link)) + _padded(data)


def _extended(rnd: Random) -> bytes:
    chance = rnd.random()
    if chance < 0.3:
        data = _pick(rnd, (b"long/name", b"long/name\0", b"", b"\0x", b"a\0b\0", b"dir/", b"n" * 600, b"/"))
        return bytes(header(rnd, b"././@LongLink", _pick(rnd, (b"L", b"K")), len(data))) + _padded(data)
    data = b"".join(_random_record(rnd) for _ in range(_pick(rnd, (0, 1, 1, 1, 2, 3))))
    if rnd.random() < 0.02:
        data += _pick(rnd, (bytes(4), b"\n", b"5", b" ", b"3 =\n", b"99999999999999999999 a=b\n"))
    flag, name = (b"x", b"ext") if chance < 0.88 else (b"g", _pick(rnd, _GLOBAL_NAMES))
    return bytes(header(rnd, name, flag, len(data))) + _padded(data)


def record(rnd: Random, key: bytes, value: bytes) -> bytes:
    """A PAX record, now and then with something wrong."""
    body = b" %s=%s\n" % (key, value)
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    chance = rnd.random()
    if chance > 0.02:
        return b"%d%s" % (length, body)
    forms = (
        *(b"+%d" % (length + 1), b"0%d" % (length + 1), b"%d" % (length - 1), b"%d" % (length + 1), b"-%d" % length),
        *(b"", b"0", b" %d" % length, b"%d\0" % length, b"4294967297", b"0" * 24 + b"%d" % (length + 24)),
    )
    return _pick(rnd, forms) + _pick(rnd, (body, body, body[:-1] + b" ", body.replace(b"=", b""), b" =x\n"))


def _random_record(rnd: Random) -> bytes:
    key = _pick(rnd, _KEYS[:11] if rnd.random() < 0.6 else _KEYS)
    right = key[:7] in (b"size", b"uid", b"gid", b"mtime", b"atime", b"ctime") and rnd.random() < 0.92
    return record(rnd, key, _pick(rnd, _RIGHT if right else _VALUES))


def _sparse(rnd: Random) -> bytes:
    """A sparse file of one of GNU's versions, most often right."""
    pieces = [(0, 5), (600, 7)][: _pick(rnd, (0, 1, 2, 2))]
    size = _pick(rnd, (1024, 1024, 607, 5, 2 << 20))
    if rnd.random() < 0.1:
        pieces = _pick(rnd, _ODD_PIECES)
    data = b"d" * max(sum(length for _, length in pieces), 0)
    version = _pick(rnd, (b"0.0", b"0.1", b"1.0", b"none", b"1.0", b"1.1", b"0."))
    name = b"GNU.sparse.name"
    keys: list[tuple[bytes, bytes]] = [(_pick(rnd, (b"GNU.sparse.realsize", b"GNU.sparse.size")), b"%d" % size)]
    keys += [(name, _pick(rnd, (b"sparse", b"d/", b"", b"a\0b")))] * (rnd.random() < 0.7)
    if version != b"none" and rnd.random() < 0.9:
        major, _, minor = version.partition(b".")
        keys += [(b"GNU.sparse.major", major), (b"GNU.sparse.minor", minor)]
    if version.startswith(b"1"):
        data = _padded(b"%d\n" % len(pieces) + b"".join(b"%d\n%d\n" % piece for piece in pieces)) + data
    else:
        keys.append((b"GNU.sparse.numblocks", b"%d" % len(pieces)))
        if version == b"0.0":
            for offset, length in pieces:
                keys += [(b"GNU.sparse.offset", b"%d" % offset), (b"GNU.sparse.numbytes", b"%d" % length)]
        else:
            keys.append((b"GNU.sparse.map", b",".join(b"%d,%d" % piece for piece in pieces)))
    if rnd.random() < 0.15:
        keys[int(rnd.random() * len(keys))] = (_pick(rnd, _KEYS), _pick(rnd, _SPARSE_VALUES))
    records = b"".join(record(rnd, *pair) for pair in keys)
    long = _extended(rnd) if rnd.random() < 0.2 else b""
    flag = _pick(rnd, (b"0", b"0", b"0", b"0", b"0", b"0", b"0", b"\0", b"\0", b"7", b"5", b"2", b"S"))
    stated = len(data) if rnd.random() < 0.9 else _pick(rnd, (0, 5, 512, 1024))
    x = bytes(header(rnd, b"ext", b"x", len(records))) + _padded(records)
    return x + long + bytes(header(rnd, _pick(rnd, _NAMES), flag, stated, b"t")) + _padded(data)


def _window(rnd: Random, seed: bytes) -> bytes:
    """Some blocks of a real tar."""
    blocks = len(seed) // BLOCK
    start = int(rnd.random() * blocks) if blocks * BLOCK > MOST else 0
    return seed[start * BLOCK : start * BLOCK + MOST]


def _flip(rnd: Random, content: bytes) -> bytes:
    if not content:
        return content
    found = bytearray(content)
    for _ in range(_pick(rnd, (1, 1, 2, 8))):
        found[int(rnd.random() * len(found))] = int(rnd.random() * 256)
    return bytes(found)


def _change_header(rnd: Random, content: bytes) -> bytes:
    """Some bytes of a block changed, and its checksum made right."""
    if len(content) < BLOCK:
        return content
    at = int(rnd.random() * (len(content) // BLOCK)) * BLOCK
    block = bytearray(content[at : at + BLOCK])
    start, width = _pick(rnd, (*_FIELDS, (156, 1), (257, 8), (263, 2), (345, 12), (357, 12), (508, 4), (0, 100)))
    if width in (8, 12) and start != 257:
        block[start : start + width] = odd_number(rnd, width)
    elif start == 156:
        block[156] = _pick(rnd, _TYPES)
    else:
        block[start + int(rnd.random() * width)] = _pick(rnd, b"\0 /a0\xff.\x80")
    return content[:at] + bytes(summed(rnd, block)) + content[at + BLOCK :]


def _cut(rnd: Random, content: bytes) -> bytes:
    return content[: int(rnd.random() * (len(content) + 1))]


def _move(rnd: Random, content: bytes) -> bytes:
    """A block taken out, doubled or put elsewhere."""
    blocks = [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]
    if not blocks:
        return content
    block = blocks.pop(int(rnd.random() * len(blocks)))
    for _ in range(_pick(rnd, (0, 1, 2))):
        blocks.insert(int(rnd.random() * (len(blocks) + 1)), block)
    return b"".join(blocks)


_DAMAGES = (_flip, _change_header, _change_header, _change_header, _cut, _move)
