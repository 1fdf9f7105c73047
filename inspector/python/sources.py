"""Python sources, decoded as CPython decodes what it imports: PEP 263, and where its tokenizer is stricter or laxer.

Tried on CPython 3.8 to 3.13, which agree. Only codecs that CPython has in C, and takes without asking the image's own
`encodings`, are used; whatever another codec would make of a source is not known.
"""

from __future__ import annotations

import re

from inspector.errors import Malformed, NotFound, Unsupported
from inspector.python.files import find
from inspector.rootfs import Kind, Rootfs

_MARK = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_COOKIE = re.compile(rb"[ \t\f]*+#.*?coding[:=][ \t]*+([-_.A-Za-z0-9]++)")
_NO_STATEMENT = re.compile(rb"[ \t\f]*+(?:#.*)?")
_F_STRING = rb"(?i)(?<!\w)(?:f|rf|fr|t|rt|tr)['\"]"
_STRING_OR_COMMENT = (
    rb"(?s)#[^\r\n]*+"
    rb"|'''(?:\\.?|[^\\])*?(?:'''|\Z)"
    rb'|"""(?:\\.?|[^\\])*?(?:"""|\Z)'
    rb"|'(?:\\.|[^'\\\n])*+'?"
    rb'|"(?:\\.|[^"\\\n])*+"?'
)
"""A string without its end goes on as far as it can, so that each byte is read once."""
_NORMAL = ("utf-8", "iso-8859-1")  # names that stand for themselves and for all that begin so, as `utf-8-dos` does
_ALSO_LATIN = ("latin-1", "iso-latin-1")
_CODECS = {
    "utf_8": "utf-8",
    "utf8": "utf-8",
    "ascii": "ascii",
    "us_ascii": "ascii",
    "latin1": "iso-8859-1",
    "latin_1": "iso-8859-1",
    "iso_8859_1": "iso-8859-1",
    "iso8859_1": "iso-8859-1",
}


def read_source(fs: Rootfs, path: str) -> str | None:
    """Return the text of a source; None where there is no such file. Raises as `decode_source`, and `NotKept`."""
    found = find(fs, path)
    if found is None or found[1].kind is not Kind.FILE:
        return None
    try:
        return decode_source(fs.read(found[0]))
    except NotFound:
        return None


def decode_source(content: bytes) -> str:
    """Return the text of a source, its byte order mark dropped.

    Raises `Malformed` for what CPython refuses with a SyntaxError, `Unsupported` for what it may read otherwise.
    """
    if b"\0" in content:
        raise Malformed("it holds a null byte")
    body = content.removeprefix(_MARK)
    name = declared_coding(body)
    if body is not content and name not in (None, "utf-8"):
        raise Malformed(f"it has a byte order mark of UTF-8, and declares the coding {name!r}")
    codec = _CODECS.get("_".join(filter(None, re.split("[-_]+", (name or "utf-8").lower()))))
    if codec is None:
        raise Unsupported(f"it declares the coding {name!r}, which is not decoded here")
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        if name not in (None, "utf-8"):
            raise Malformed(f"byte {error.start} is not of the declared coding {name!r}") from error
        if re.search(_F_STRING, body):  # within which what looks like a comment depends on the release
            raise Unsupported(f"byte {error.start} is not UTF-8: a SyntaxError, but not in a comment") from error
    try:
        return re.sub(_STRING_OR_COMMENT, _readable, body).decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start} is not UTF-8") from error


def _readable(found: re.Match[bytes]) -> bytes:
    """Return a comment, which CPython skips without decoding it, so that it is UTF-8; a string as it is."""
    return found[0].decode("ascii", "replace").encode("ascii", "replace") if found[0][:1] == b"#" else found[0]


def declared_coding(body: bytes) -> str | None:
    """Get the coding that one of the first two lines declares, by the name that CPython makes of it; None if none does.

    The second line counts only where the first holds no statement.
    """
    for line in _LINE_END.split(body, 2)[:2]:
        found = _COOKIE.match(line)
        if found:
            return _normal_name(found[1].decode("ascii"))
        if not _NO_STATEMENT.fullmatch(line):
            break
    return None


def _normal_name(name: str) -> str:
    """Return `utf-8` and `iso-8859-1` for their spellings with any end, as Emacs's `utf-8-unix`; else as written."""
    start = name[:12].lower().replace("_", "-")
    for normal in (*_NORMAL, *_ALSO_LATIN):
        if start == normal or start.startswith(f"{normal}-"):
            return "iso-8859-1" if normal in _ALSO_LATIN else normal
    return name
