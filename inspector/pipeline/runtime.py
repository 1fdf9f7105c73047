"""The facts of engines' images with a run beside them: read side by side, and then run, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import UsageError
from inspector.pipeline.facts import read_each
from inspector.pipeline.model import DEFAULTS, Opened, Options, Progress, Seen, parse_all
from inspector.reference import STDIN, Reference, Scheme
from inspector.runtime.verify import verify

if TYPE_CHECKING:
    from inspector.runtime.run import Gpu
    from inspector.runtime.sandbox import Limits


def run(
    references: Sequence[Reference | str],
    options: Options = DEFAULTS,
    progress: Progress | None = None,
    *,
    gpu: Gpu = "auto",
    limits: Limits | None = None,
) -> tuple[Seen, ...]:
    """Read and run all images that the references name, in their order. Raises `UsageError` for one in no engine."""
    parsed = parse_all(references)
    for reference in parsed:
        _refuse_elsewhere(reference)
    progress = progress or Progress()
    found: list[Seen] = []
    for image, seen in read_each(parsed, options, progress, accept=_refuse_archives):
        if image is None or seen.facts is None:
            found.append(seen)
            continue
        progress.add(images=1)
        progress.started(image.reference)
        try:
            facts = verify(image, seen.facts, mode="always", gpu=gpu, limits=limits)
        finally:
            progress.finished(image.reference)
        found.append(msgspec.structs.replace(seen, facts=facts))
    return tuple(found)


def _refuse_elsewhere(reference: Reference) -> None:
    if reference.scheme is Scheme.REGISTRY:
        raise UsageError(
            f"{reference}: lies in a registry, and only an engine runs images: docker pull {reference.name}"
        )
    if reference.scheme in (Scheme.ROOTFS, Scheme.VENV, Scheme.SIF):
        raise UsageError(f"{reference}: is not an image, and only an engine's images are run: name one")
    if reference.scheme is Scheme.CONTAINER:
        raise UsageError(f"{reference}: is a container, and only images are run: name the image that it was made of")
    if reference.is_path_like():
        raise UsageError(_load_first(reference))
    if reference.scheme is Scheme.CONTAINERD:
        raise UsageError(
            f"{reference}: lies in containerd, and only Docker and Podman are asked to run images: "
            f"`nerdctl save {reference.name} | docker load`, then name what it loaded"
        )


def _refuse_archives(opened: Opened) -> None:
    if isinstance(opened.asked.name, Reference) and any(image.access is None for image in opened.images):
        raise UsageError(_load_first(opened.asked.name))


def _load_first(reference: Reference) -> str:
    load = "docker load" if reference.name == STDIN else f"docker load --input {reference.places()[0].path}"
    return f"{reference}: is not an engine's image, and only an engine runs images: {load}, then name what it loaded"
