"""What would happen on a host: the predictions for its GPUs, those of one cause together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from inspector.gpu.hosts import Host, Mode
from inspector.gpu.image import ImageGpu
from inspector.gpu.predict import OnGpu, predict
from inspector.gpu.prediction import Prediction, Stage, Verdict
from inspector.words import first_few

WORST_FIRST: tuple[Verdict, ...] = ("fails", "unknown", "works")
MAX_REASONS = 4
"""Sentences of one cause: a host may have 64 GPUs of different models."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why CUDA works, fails or can't be told on some GPUs of a host; `stage` is where it ends.

    `modes` are the ways of injection for which it holds; empty where it holds for all that are possible. `available`
    is what `torch.cuda.is_available()` would say, None where that is not known. `path` is the file that decides.
    """

    verdict: Verdict
    stage: Stage
    reason: str
    change: str = ""
    gpus: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = ()
    available: bool | None = None
    notes: tuple[str, ...] = ()
    path: str | None = None

    @property
    def told(self) -> str:
        """The reason, with what is noted of it."""
        return "; ".join((self.reason, *self.notes))


class OnHost(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen on one host: the worst of its GPUs' verdicts, and each cause, the worst first."""

    host: str
    verdict: Verdict
    causes: tuple[Cause, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of all causes, each once."""
        return tuple(dict.fromkeys(note for cause in self.causes for note in cause.notes))


def on_host(image: ImageGpu, host: Host) -> OnHost:
    """Predict for every GPU of a host."""
    return of_causes(host, [cause for each in predict(image, host) for cause in _causes(each)])


def of_causes(host: Host, causes: Iterable[Cause]) -> OnHost:
    """Put causes together that end at the same stage, and take the worst verdict. Without any, nothing is known."""
    groups: dict[tuple[Verdict, Stage, tuple[Mode, ...]], list[Cause]] = {}
    for each in causes:
        groups.setdefault((each.verdict, each.stage, each.modes), []).append(each)
    found = sorted(map(_together, groups.values()), key=lambda each: WORST_FIRST.index(each.verdict))
    return OnHost(host=host.name, verdict=found[0].verdict if found else "unknown", causes=tuple(found))


def _together(causes: list[Cause]) -> Cause:
    return msgspec.structs.replace(
        causes[0],
        reason=joined(each.reason for each in causes),
        change=joined(each.change for each in causes),
        gpus=tuple(dict.fromkeys(gpu for each in causes for gpu in each.gpus)),
        notes=tuple(dict.fromkeys(note for each in causes for note in each.notes)),
    )


def joined(sentences: Iterable[str]) -> str:
    """Return sentences as one, each once, the first few of many."""
    return first_few(list(filter(None, dict.fromkeys(sentences))), MAX_REASONS, "; ")


def _causes(found: OnGpu) -> Iterator[Cause]:
    """Yield each different prediction of the ways of injection; one that none is known where they contradict."""
    modes: dict[Prediction, list[Mode]] = {}
    for mode, each in found.by_mode.items():
        modes.setdefault(each, []).append(mode)
    if len({each.verdict for each in modes}) > 1:
        yield _contradicting(found.gpu, modes)
        return
    for each, ways in modes.items():
        yield Cause(gpus=(found.gpu,), modes=tuple(ways) if len(modes) > 1 else (), **each._asdict())


def _contradicting(gpu: str, modes: dict[Prediction, list[Mode]]) -> Cause:
    told = "; ".join(f"{', '.join(ways)}: {each.reason}" for each, ways in modes.items())
    changes = [each.change for each in modes if each.verdict != "works"]
    return Cause(
        verdict="unknown",
        stage="injection",
        reason=f"the profile does not say how containers get the GPUs, which decides: {told}",
        change=joined(["state `injection` in the profile of the host", *changes]),
        gpus=(gpu,),
        notes=tuple(dict.fromkeys(note for each in modes for note in each.notes)),
        path=next((each.path for each in modes if each.path), None),
    )
