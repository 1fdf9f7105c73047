"""The facts of an environment of this machine, whose files are asked for one by one: it has no layers to read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from inspector import work
from inspector.errors import Unsupported
from inspector.facts.command import find_question
from inspector.facts.from_layers import seen_by_python
from inspector.facts.imports import Modules
from inspector.facts.model import Evidence, ImageFacts, Size
from inspector.facts.starting import proved, reader_of_built
from inspector.python.interpreter import find_interpreter
from inspector.unknown import Unknown

if TYPE_CHECKING:
    from inspector.sources.image import Image
    from inspector.sources.venv.machine import Machine

_NO_LAYERS = "an environment of this machine has no layers to account for"


def gather_of_machine(
    image: Image, machine: Machine, *, python: str, imports: Sequence[str] = (), sizes: bool = False, verify: bool
) -> ImageFacts:
    """Gather what the `python` of the environment would see. `size` and the layer's are those of its own files.

    Raises `Unsupported` where digests are to be verified, `LimitExceeded`, and `NotListed` for a part that can't be
    listed.
    """
    if verify:
        raise Unsupported(f"{image.reference}: an environment has no digest that can be verified; leave out --verify")
    begun = time.perf_counter()
    modules = Modules(tuple(imports))
    question = find_question(machine, image.config, python)
    built = reader_of_built(machine, question, machine.content)
    interpreter, warnings = find_interpreter(machine, image.config, python, question=question, built=built)
    interpreter = proved(machine, question.config, interpreter, machine.content)
    seen = seen_by_python(machine, image, question, interpreter, machine.content, [], dear=False)
    found = modules.find(machine, question, interpreter, machine.content)
    work.check()  # a limit that was met on the way may have been taken for one unreadable file
    size = machine.weight()
    machine.budget.check()
    unaccounted = Unknown(_NO_LAYERS) if sizes else None
    return msgspec.structs.replace(
        seen,
        size=Size(size, None),
        layers=tuple(msgspec.structs.replace(layer, size=size) for layer in seen.layers),
        warnings=tuple(dict.fromkeys((*image.warnings, *warnings, *seen.warnings))),
        evidence=Evidence(
            bytes_read=machine.bytes_read,
            layers_read=len(image.layers),
            layers_cached=0,
            digests_verified=False,
            how="files",
            seconds=round(time.perf_counter() - begun, 3),
            proof="loader",
        ),
        imports=found,
        sizes=unaccounted,
        waste=unaccounted,
    )
