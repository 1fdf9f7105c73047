"""What a run on this machine's GPUs should find, predicted from the image's files before anything is compared."""

from __future__ import annotations

import platform

import msgspec

from inspector.engine.client import Engine
from inspector.facts import ImageFacts
from inspector.facts.runtime import Predicted, RuntimeFacts
from inspector.gpu import hosts
from inspector.gpu.onhost import WORST_FIRST
from inspector.gpu.predict import OnGpu, predict
from inspector.runtime.host import Host, Offer
from inspector.unknown import Unknown


def with_prediction(facts: ImageFacts, run: RuntimeFacts, engine: Engine, host: Host) -> RuntimeFacts:
    """Return the run with what was to be expected of it, where a GPU was handed over and is known."""
    offer = host.offer(facts.torch)
    gpus = tuple(device.name for device in run.devices) or host.gpus
    if not (run.ran and run.gpu and run.driver and gpus) or facts.gpu is None:
        return run
    if isinstance(offer, Unknown) or offer.vendor != "nvidia":
        return run
    image = msgspec.structs.replace(facts.gpu, kernels=())  # torch alone is run
    described = _described(engine, offer, run.driver, gpus[: hosts.MAX_GPUS], image.architecture)
    return msgspec.structs.replace(run, predicted=together(predict(image, described)))


def _described(engine: Engine, offer: Offer, driver: str, gpus: tuple[str, ...], architecture: str) -> hosts.Host:
    """Describe this machine as a profile does; it runs the image, so that it is of the image's architecture."""
    return hosts.Host(
        name=platform.node() or "this machine",
        driver=driver,
        gpus=gpus,
        flag="gpus" if offer.way == "gpus" else "device",
        engine=engine.info.version,
        architecture=architecture,
    )


def together(found: list[OnGpu]) -> Predicted:
    """Put the predictions for all GPUs together: torch is to compute on each."""
    worst = min(found, key=lambda each: WORST_FIRST.index(each.verdict))
    available = {each.available for gpu in found for each in gpu.by_mode.values()}
    return Predicted(
        verdict=worst.verdict,
        reason="; or ".join(dict.fromkeys(each.reason for each in worst.by_mode.values())),
        available=available.pop() if len(available) == 1 else None,
    )
