"""An image of an engine run to verify what its files say, where that can be of use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from inspector.errors import InspectorError, NotFound, Refused
from inspector.facts import ImageFacts
from inspector.facts.runtime import RuntimeFacts
from inspector.sources.image import Image
from inspector.unknown import Unknown

if TYPE_CHECKING:
    from inspector.engine.client import Engine
    from inspector.runtime.host import Host
    from inspector.runtime.run import Gpu
    from inspector.runtime.sandbox import Limits

Mode = Literal["auto", "always", "never"]


def verify(
    image: Image,
    facts: ImageFacts,
    *,
    mode: Mode,
    gpu: Gpu = "auto",
    limits: Limits | None = None,
    host: Host | None = None,
) -> ImageFacts:
    """Run the image and put what its container says beside the facts, or why there was none.

    "auto" runs only where a GPU can be handed over that the image's torch could use; "always" runs in any case. The
    caller asks only for images whose role wants CUDA at run time.
    """
    if mode == "never":
        return facts
    try:
        runtime = _verified(image, facts, mode, gpu, limits, host)
    except InspectorError as error:
        runtime = RuntimeFacts(ran=False, why_not=str(error))
    proof = facts.evidence.proof if runtime.imported is None else "runtime"
    return msgspec.structs.replace(
        facts, runtime=runtime, evidence=msgspec.structs.replace(facts.evidence, proof=proof)
    )


def _verified(
    image: Image, facts: ImageFacts, mode: Mode, gpu: Gpu, limits: Limits | None, host: Host | None
) -> RuntimeFacts:
    from inspector.runtime.host import find_host  # most checks run nothing
    from inspector.runtime.run import run_image, with_prediction
    from inspector.runtime.sandbox import DEFAULTS

    engine = image.access.engine if image.access else None
    if engine is None:
        return RuntimeFacts(ran=False, why_not="only an engine can run an image, and none has this one")
    host = host or find_host(engine)
    if mode == "auto" and isinstance(offer := host.offer(facts.torch), Unknown):
        return RuntimeFacts(ran=False, why_not=offer.unknown, driver=host.driver)
    volumes = tuple(image.config.run.volumes or ())
    identity = _identity(engine, image)
    run = run_image(engine, identity, facts, gpu=gpu, host=host, limits=limits or DEFAULTS, volumes=volumes)
    return with_prediction(facts, run, engine, host)


def _identity(engine: Engine, image: Image) -> str:
    """Return the engine's own id of just this image, since its names may have gone to another meanwhile.

    Raises `NotFound`.
    """
    wanted = (image.config.rootfs.diff_ids, image.config.run)
    for name in (image.image_id, *image.tags, image.reference.partition(":")[2], image.reference):
        if not name:
            continue
        try:
            document = engine.inspect(name)
        except (NotFound, Refused):
            continue
        if (document.config.rootfs.diff_ids, document.config.run) == wanted:
            return document.id
    raise NotFound(f"{image.reference}: the engine no longer has the image that was read")
