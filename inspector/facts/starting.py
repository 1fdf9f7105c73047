"""Whether an interpreter that was found comes up: what the loader does with it and the libraries that it needs."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from inspector.errors import InspectorError
from inspector.oci import ImageConfig
from inspector.python.built import Built, ReadBuilt
from inspector.python.environment import Environment, environment_of
from inspector.python.model import Interpreter
from inspector.python.question import Question
from inspector.rootfs import Rootfs
from inspector.unknown import Unknown


def proved(
    fs: Rootfs,
    config: ImageConfig,
    interpreter: Interpreter | Unknown,
    content: Callable[[str], bytes] | None = None,
) -> Interpreter | Unknown:
    """Return the interpreter with why it doesn't start, or may not, where the kernel would start it.

    `content` reads any file of the image.
    """
    if isinstance(interpreter, Unknown) or interpreter.runs != "yes":
        return interpreter
    from inspector.torchbuild.python_process import refusal  # the loader is not always needed

    try:
        found = refusal(fs, interpreter, environment_of(fs, config), content)
    except InspectorError as error:
        return msgspec.structs.replace(interpreter, runs="unknown", reasons=(*interpreter.reasons, str(error)))
    if found is None:
        return interpreter
    runs = "no" if found.severity == "no" else "unknown"
    return msgspec.structs.replace(interpreter, runs=runs, reasons=(*interpreter.reasons, found.text))


def reader_of_built(fs: Rootfs, question: Question, content: Callable[[str], bytes] | None) -> ReadBuilt | None:
    """Return what tells how a Python was built; None where `content`, which reads any file of the image, is."""
    if content is None:
        return None
    read, seen = question.reads(fs, content), question.seen(fs)

    def tell(program: str, environment: Environment) -> Built | Unknown:
        from inspector.torchbuild.python_process import built  # few programs are asked for it

        try:
            return built(seen, program, environment, read)
        except InspectorError as error:
            return Unknown(str(error))

    return tell
