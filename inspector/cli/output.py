"""Where text goes and how: streams, colour, width, files."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click

from inspector.errors import InspectorError, UsageError
from inspector.escape import cut, escape
from inspector.report import formats

UNSEEN_WIDTH = 120
"""Columns of a table that goes to no terminal: a log or a file."""
BROKEN_PIPE = 141
"""What a shell reports of a program that SIGPIPE ended."""

_NOT_REPLACED = (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS)
_ASCII = str.maketrans({"✔": "+", "▲": "!", "✘": "x", "─": "-", "━": "=", "…": "~", "→": ">"})


_around: Callable[[], AbstractContextManager[object]] = nullcontext


@contextmanager
def printing(around: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
    """Enter `around` whenever something is printed, as to hide a display that is live."""
    global _around  # noqa: PLW0603 - there is one terminal
    before, _around = _around, around
    try:
        yield
    finally:
        _around = before


def wants_color(stream: TextIO | None, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether to colour: NO_COLOR forbids it, FORCE_COLOR asks for it, else a terminal decides."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal(stream, environment)


def is_terminal(stream: TextIO | None, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether `stream` is a terminal that understands more than text; None is a stream that was closed."""
    return stream is not None and stream.isatty() and environment.get("TERM") != "dumb"


def table_width(output: Path | None) -> int:
    """Return COLUMNS, or the terminal's width; a fixed one where neither is known."""
    asked = os.environ.get("COLUMNS", "")
    if output is not None:
        return UNSEEN_WIDTH
    if asked.isdecimal() and int(asked):
        return int(asked)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or UNSEEN_WIDTH
    except (AttributeError, OSError, ValueError):  # standard output closed is None
        return UNSEEN_WIDTH


def table_color(output: Path | None) -> bool:
    """Tell whether a table is coloured; in a file it never is."""
    return output is None and wants_color(sys.stdout)


def rendered(command: formats.Command, report: Any, form: str, output: Path | None, **shown: Any) -> str:
    """Render a command's report for `output` in the format `form`; `shown` are fields of `formats.View`."""
    view = formats.View(width=table_width(output), color=table_color(output), **shown)
    return formats.render(command, report, form, view)


def emit(text: str, output: Path | None = None) -> None:
    """Write the data, and nothing else, to standard output or, whole or not at all, to the file `output`.

    Raises `UsageError` where standard output is closed, `InspectorError` where it or the file can't be written, as on
    a full disk; ends the program quietly if nobody reads.
    """
    if output is not None:
        _replace(output, text)
        return
    if sys.stdout is None:
        raise UsageError("standard output is closed; leave it open, or name a file with --output")
    try:
        if sys.stdout.isatty():
            with _around():
                click.echo(_shown(text, sys.stdout.encoding), nl=False, color=True)
        else:
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        _unread()
    except OSError as error:
        raise InspectorError(f"standard output: can't be written: {error.strerror or error}") from error


def _shown(text: str, encoding: str) -> str:
    """Return `text` as a terminal of that encoding can show it."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _unread() -> NoReturn:
    """End without a word; what is still buffered goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(BROKEN_PIPE)


def ensure_writable(output: Path | None) -> None:
    """Refuse a file that can't be written before any work is done. Raises `UsageError`."""
    if output is None or (output.exists() and not output.is_file() and not output.is_dir()):
        return
    if output.is_dir():
        raise UsageError(f"{output}: is a directory; name a file")
    folder = output.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"{output}: no such directory: {folder}")
    if not os.access(output if output.exists() else folder, os.W_OK):
        raise UsageError(f"{output}: permission denied; name a file that you may write")


def _replace(output: Path, text: str) -> None:
    """Write through a file beside `output`, so that a reader sees the old text or the new.

    A device or a pipe is written to directly, and so is what can't be replaced: a file that is mounted by itself, as
    in a container, or one in a folder where nothing may be made.
    """
    target = Path(os.path.realpath(output))
    new = target.with_name(f".{target.name}.{os.getpid()}.new")
    content = text.encode()
    try:
        if output.exists() and not output.is_file():
            output.write_bytes(content)  # by its own name: /dev/stdout may lead to a pipe, which has no path
            return
        try:
            new.write_bytes(content)
            new.replace(target)
        except OSError as error:
            if error.errno not in _NOT_REPLACED or not target.exists():
                raise
            target.write_bytes(content)
        finally:
            with suppress(OSError):
                new.unlink(missing_ok=True)
    except OSError as error:
        raise InspectorError(f"{output}: can't be written: {error.strerror or error}") from error


def complain(message: str, level: str = "error") -> None:
    """Write a line to standard error, `inspector: error: …`, with nothing in it that a terminal would act upon."""
    label = click.style(level, fg="red" if level == "error" else "yellow", bold=True)
    say(f"inspector: {label}: {escape(cut(message))}")


def say(line: str) -> None:
    """Write a line to standard error; lost if nobody reads it."""
    if sys.stderr is None:
        return
    try:
        with _around():
            click.echo(_shown(line, sys.stderr.encoding or "utf-8"), err=True, color=wants_color(sys.stderr))
    except OSError:
        return
