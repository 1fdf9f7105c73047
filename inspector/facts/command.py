"""What the image's own command runs: its Python where that is another than the asked one, and the torch it sees."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from inspector.errors import InspectorError
from inspector.facts.imports import ReadContent
from inspector.facts.model import Command
from inspector.facts.starting import proved, reader_of_built
from inspector.oci import ImageConfig
from inspector.python.distributions import find_distributions
from inspector.python.files import list_dir
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter, Startup
from inspector.python.question import Question, Started, ask, started
from inspector.rootfs import Rootfs
from inspector.torchbuild import find_torch
from inspector.torchbuild.model import Torch, TorchElsewhere
from inspector.unknown import Importable, Unknown

_ENVIRONMENT = r"(/.+?)/lib(?:64)?/(?:python|pypy)\d\.\d+t?/(?:site|dist)-packages/"
_SYSTEM = ("/usr", "/usr/local")
_MATTERS = ("PYTHON", "LD_", "TORCH_")
_NOT_LOOKED_AT = "only the asked `python` was looked at"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is known already: of the image, and of the asked `python`, behind the entrypoint.

    `content` reads any file of the image; None where some layer tells nothing of libraries, so that the loader can't
    be asked.
    """

    config: ImageConfig
    startup: Startup
    question: Question
    interpreter: Interpreter | Unknown
    torch: Torch
    elsewhere: Sequence[TorchElsewhere] | Unknown
    content: ReadContent | None = None


def find_question(fs: Rootfs, config: ImageConfig, python: str, content: ReadContent | None = None) -> Question:
    """Return what the entrypoint makes of the asked `python`; the plain question where that can't be asked."""
    try:
        return ask(fs, config, python, content)
    except InspectorError:
        return Question(
            config=config, asked=python, command=python
        )  # asking for the interpreter meets the same, and tells it


def find_started(fs: Rootfs, config: ImageConfig, content: ReadContent | None = None) -> Started:
    """Return what `docker run IMAGE` runs; unknown where the image can't be followed at all."""
    try:
        return started(fs, config, content) if config.os in ("linux", "") else Started()
    except InspectorError as error:
        return Started(unknown=Unknown(str(error)))


def find_command(fs: Rootfs, asked: Asked, *, whole: bool = True) -> Command:
    """Return the facts of the image's own command, from every file of the image.

    From single files, not `whole`, another Python's torch isn't looked for, which leaves it unknown.
    """
    ran = find_started(fs, asked.config, asked.content)
    elsewhere = () if isinstance(asked.elsewhere, Unknown) else asked.elsewhere
    reaches = _named(ran.texts, elsewhere)
    for question in ran.beside if elsewhere else ():
        reaches |= _imported(_interpreter(fs, question, None, None, whole=whole), elsewhere)
    interpreter: Interpreter | Unknown | None = ran.unknown
    torch: Torch | None = None
    differs = False
    if ran.question is not None:
        interpreter = found = _interpreter(fs, ran.question, ran.first, asked.content, whole=whole)
        differs = is_other(asked, ran.question, found) or _first_matters(fs, asked, ran)
        if differs and whole:
            torch = _torch(fs, ran.question, found, content=asked.content)
            reaches |= _imported(found, elsewhere)
        elif differs:
            torch = Torch(installed=False, importable=Importable.UNKNOWN, reasons=(_NOT_LOOKED_AT,))
    return Command(
        argv=asked.startup.argv,
        path=asked.startup.path,
        interpreter=interpreter,
        python_differs=differs,
        torch=torch,
        reaches=tuple(sorted(reaches)),
    )


def is_other(asked: Asked, question: Question, found: Interpreter | Unknown) -> bool:
    """Tell whether the command's Python would import from elsewhere than the asked one, or with other settings."""
    one = asked.interpreter
    if isinstance(one, Unknown) or isinstance(found, Unknown):
        return one != found
    if asked.question.laid != question.laid:
        return True
    same = (one.resolved, one.prefix, _tail(one)) == (found.resolved, found.prefix, _tail(found))
    return not same or _settings(asked.question.config) != _settings(question.config)


def _first_matters(fs: Rootfs, asked: Asked, ran: Started) -> bool:
    """Tell whether a module torch lies beside the script, or in the working directory, which that replaces."""
    if ran.question is None:
        return False
    working_dir = ran.question.config.working_dir
    asked_from = asked.question.config.working_dir
    if (ran.first or working_dir) == asked_from:
        return False
    own = list_dir(ran.question.seen(fs), ran.first or working_dir)
    names = [own, list_dir(asked.question.seen(fs), asked_from)]
    return any(name in children for children in names for name in ("torch", "torch.py", "torch.pyc"))


def _tail(interpreter: Interpreter) -> tuple[str, ...]:
    """Return the search path from the standard library on: before it stand the working directory or the script's."""
    path = interpreter.search_path
    base = interpreter.base_prefix
    return tuple(entry for entry in path if not base or entry.startswith(f"{base}/")) + tuple(path[1:])


def _settings(config: ImageConfig) -> dict[str, str]:
    return {name: value for name, value in config.env.items() if name.startswith(_MATTERS)}


def _interpreter(
    fs: Rootfs, question: Question, first: str | None, content: ReadContent | None, *, whole: bool
) -> Interpreter | Unknown:
    unlisted: list[str] | None = None if whole else []
    built = reader_of_built(fs, question, content)
    found, _ = find_interpreter(fs, question.config, question.asked, unlisted=unlisted, question=question, built=built)
    proven = found if content is None else proved(question.seen(fs), question.config, found)
    return _begun_with(first, proven, question)


def _begun_with(first: str | None, found: Interpreter | Unknown, question: Question) -> Interpreter | Unknown:
    """Return the interpreter with the script's folder first on its search path, in place of the working directory."""
    if isinstance(found, Unknown) or first is None:
        return found
    path = found.search_path
    if path[:1] == (question.config.working_dir,):
        path = (first, *path[1:])
    return msgspec.structs.replace(found, search_path=path)


def _torch(fs: Rootfs, question: Question, interpreter: Interpreter | Unknown, *, content: ReadContent | None) -> Torch:
    own = None if content is None else question.reads(fs, content)
    fs = question.seen(fs)
    installed, _ = find_distributions(fs, interpreter, unread=[])
    return find_torch(fs, question.config, interpreter, installed, blind=own is None, content=own)[0]


def _named(texts: Iterable[str], elsewhere: Iterable[TorchElsewhere]) -> set[str]:
    """Return the torches whose environment the command's words or scripts name."""
    found = set()
    for other in elsewhere:
        match = re.match(_ENVIRONMENT, f"{other.path}/")
        prefix = match[1] if match and match[1] not in _SYSTEM else None
        if prefix and any(re.search(rf"{re.escape(prefix)}(?![\w.-])", text) for text in texts):
            found.add(other.path)
    return found


def _imported(interpreter: Interpreter | Unknown, elsewhere: Iterable[TorchElsewhere]) -> set[str]:
    """Return the torches that stand on an interpreter's search path."""
    if isinstance(interpreter, Unknown):
        return set()
    entries = set(interpreter.search_path)
    return {other.path for other in elsewhere if other.path.rpartition("/")[0] in entries}
