"""One run: a container made, started, waited for and removed, and its outcome as facts."""

from __future__ import annotations

import platform
import secrets
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

import msgspec

from inspector.engine.client import Engine
from inspector.engine.containers import created
from inspector.errors import InspectorError, LimitExceeded, Refused
from inspector.facts import ImageFacts
from inspector.facts.runtime import Predicted, RuntimeFacts
from inspector.gpu import hosts
from inspector.gpu.onhost import WORST_FIRST
from inspector.gpu.predict import OnGpu, predict
from inspector.oci import Platform
from inspector.python.model import Interpreter
from inspector.runtime.host import Host, Offer, find_host
from inspector.runtime.outcome import End, parse_both, unmarked, with_outcome
from inspector.runtime.sandbox import DEFAULTS, OUTPUT_BYTES, Limits, sandbox
from inspector.torchbuild.kinds import kind_of
from inspector.unknown import Unknown

Gpu = Literal["auto", "always", "never"]

_ONE_AT_A_TIME = threading.Lock()
"""Each run is promised its memory and the whole GPU."""

_UNABLE = ("rlimit", "cgroup controller")
KILL_SECONDS = 10.0
"""How long an engine may take to see that what it killed has ended."""


def run_image(
    engine: Engine,
    image_id: str,
    facts: ImageFacts,
    *,
    gpu: Gpu = "auto",
    host: Host | None = None,
    limits: Limits = DEFAULTS,
    volumes: Iterable[str] = (),
) -> RuntimeFacts:
    """Return what `import torch` does in a container of the image, by the interpreter that `facts` name.

    With `gpu` "auto" one is handed over where `host` has it, and the run is made without if the engine then refuses;
    "always" asks for one whatever is known of the host. `volumes` are those of the image's config. Raises
    `NotFound`, `Unreachable`, `Malformed` for an invalid answer, `InspectorError`.
    """
    host = host or find_host(engine)
    interpreter = facts.interpreter
    if isinstance(interpreter, Unknown):
        return RuntimeFacts(ran=False, why_not=f"no interpreter to run: {interpreter.unknown}", driver=host.driver)
    if foreign := _foreign(engine, facts.platform):
        return RuntimeFacts(ran=False, why_not=foreign, driver=host.driver)
    run = _Run(engine, image_id, facts, interpreter, limits, tuple(volumes), host)
    offer = _offer(engine, facts, host, gpu)
    try:
        return run.through(offer)
    except Refused as error:
        refusal = f"the engine refuses to run it: {error}"
        if isinstance(offer, Unknown) or gpu == "always":
            return RuntimeFacts(ran=False, why_not=refusal, driver=host.driver)
    try:
        return run.through(Unknown(f"no GPU: {refusal}"))
    except Refused as error:
        return RuntimeFacts(ran=False, why_not=f"the engine refuses to run it: {error}", driver=host.driver)


def _foreign(engine: Engine, platform: Platform) -> str:
    """Say why an image for another platform than the engine's own is not run; empty where it is the engine's."""
    here = Platform(engine.info.os or "linux", engine.info.architecture).normal()
    if (platform.os, platform.architecture) == (here.os, here.architecture):
        return ""
    return f"the image is for {platform}, the engine runs {here}"


def _offer(engine: Engine, facts: ImageFacts, host: Host, gpu: Gpu) -> Offer | Unknown:
    if gpu == "never":
        return Unknown("no GPU was asked for")
    offer = host.offer(facts.torch)
    if gpu == "auto" or isinstance(offer, Offer):
        return offer
    kind = kind_of(facts.torch.build)
    if kind is not None and kind.gpu == "amd":
        return Offer(vendor="amd", way="nodes", names=("/dev/kfd", "/dev/dri"))
    if engine.kind == "podman":
        return Offer(vendor="nvidia", way="cdi", names=("nvidia.com/gpu=all",))
    return Offer(vendor="nvidia", way="gpus")


class _Run(msgspec.Struct, frozen=True):
    """What every try at one image has in common."""

    engine: Engine
    image_id: str
    facts: ImageFacts
    interpreter: Interpreter
    limits: Limits
    volumes: tuple[str, ...]
    host: Host

    def through(self, offer: Offer | Unknown) -> RuntimeFacts:
        """Return one container's life; a second one's, without them, where the engine may not set limits of resources.

        Podman within a container may not, for beside those asked for it sets others of its own, nor may a user's
        where systemd does not hand it processors. Raises as `run_image`, and `Refused`.
        """
        try:
            return self._once(offer, ulimits=True)
        except Refused as error:
            if not any(words in str(error) for words in _UNABLE):
                raise
            return self._once(offer, ulimits=False)

    def _once(self, offer: Offer | Unknown, *, ulimits: bool) -> RuntimeFacts:
        mark = secrets.token_hex(16)
        body = sandbox(
            self.facts,
            self.interpreter,
            mark,
            limits=self.limits,
            offer=None if isinstance(offer, Unknown) else offer,
            volumes=self.volumes,
            ulimits=ulimits,
        )
        with _ONE_AT_A_TIME, created(self.engine, self.image_id, body=body, starts=True) as container:
            begun = time.monotonic()
            self.engine.start(container)
            try:
                end, output = self._end(container), self.engine.output(container, OUTPUT_BYTES)
            except Refused as error:
                raise InspectorError(f"the container ran, but the engine does not give its result: {error}") from error
            seconds = round(time.monotonic() - begun, 3)
        known = RuntimeFacts(ran=True, driver=self.host.driver, seconds=seconds)
        parsed = parse_both(output, end.errors, mark)
        end = msgspec.structs.replace(end, errors=unmarked(end.errors, mark))
        return with_outcome(known, parsed, end, offer, self.limits)

    def _end(self, container: str) -> End:
        """Wait for the end, or bring it about."""
        try:
            code: int | None = self.engine.wait(container, self.limits.seconds)
        except LimitExceeded:
            self.engine.kill(container)
            code = None
            with suppress(LimitExceeded):  # its words are read as far as they came
                self.engine.wait(container, KILL_SECONDS)
        state = self.engine.container(container).get("State")
        out_of_memory = isinstance(state, dict) and state.get("OOMKilled") is True
        errors = b""
        with suppress(InspectorError):  # they only make a better message
            errors = self.engine.output(container, OUTPUT_BYTES, errors=True)
        return End(code, errors, out_of_memory)


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
