"""What changed between two images, as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile, zip_longest
from typing import Literal, NamedTuple

import msgspec

from inspector.facts import ImageFacts, LayerFacts, Size
from inspector.gpu.drivers import minimum_driver
from inspector.gpu.image import ImageGpu
from inspector.gpu.serves import reached
from inspector.oci import Platform
from inspector.policy.model import SCHEMA, Finding
from inspector.python.metadata import canonical
from inspector.python.model import Interpreter
from inspector.torchbuild.model import Torch, TorchElsewhere
from inspector.unknown import Absent, Unknown
from inspector.values import Row, Tabled

_Value = str | Unknown | None
_UNSEEN = Unknown("not looked at")
_COLUMNS = ("kind", "name", "before", "after", "size_before", "size_after")


class _Found(NamedTuple):
    """A distribution of one side; `layer` is the diff_id of the layer that brought it."""

    name: str
    version: str
    size: int | None
    layer: str | None


_Named = dict[str, list[_Found]]


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two images: what it is, and the facts that stand for themselves."""

    reference: str
    image_id: str | None
    platform: Platform
    tags: tuple[str, ...]
    size: Size
    interpreter: Interpreter | Unknown
    torch: Torch


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """One field that differs, as text; None where that side has nothing."""

    field: str
    before: str | None
    after: str | None


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution that differs. A side without it has neither version nor size; sizes are in bytes.

    Of those on both sides, `change` says what differs first: the version, else the size, else only the layer, whose
    diff_ids are `layer_before` and `layer_after`.
    """

    name: str
    before: str | None
    after: str | None
    size_before: int | None
    size_after: int | None
    change: Literal["added", "removed", "version", "size", "layer"]
    layer_before: str | None = None
    layer_after: str | None = None

    @property
    def growth(self) -> int | None:
        """The bytes that came with it, or went; None where no size is known."""
        if self.size_before is None and self.size_after is None:
            return None
        return (self.size_after or 0) - (self.size_before or 0)


class Difference(Tabled, frozen=True, kw_only=True):
    """What `diff --format json` prints. `layers_shared` counts those that both have at the base.

    `layers_before` and `layers_after` are the rest, from the base up; `packages` are in order of name.
    `not_compared` names what one side does not know; while there is any, nothing is called `equal`. `findings` answer
    the conditions that were asked, such as `growth=5%`. `gpus_gained` and `gpus_lost` are GPUs, one of each compute
    capability, that only the later or only the earlier torch has code for.

    >>> inspector.diff("api.tar", "api.tar")
    <Difference api.tar -> api.tar: equal>
    """

    schema: str = SCHEMA
    equal: bool
    before: Side
    after: Side
    changed: tuple[Changed, ...]
    packages: tuple[Package, ...]
    layers_shared: int
    layers_before: tuple[LayerFacts, ...]
    layers_after: tuple[LayerFacts, ...]
    not_compared: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    gpus_gained: tuple[str, ...] = ()
    gpus_lost: tuple[str, ...] = ()

    def records(self) -> list[Row]:
        """Return a flat row for each field, package, layer and GPU that differs, and for each that can't be compared.

        >>> rows = inspector.diff("api.tar", "worker.tar").records()
        >>> [(row["before"], row["after"]) for row in rows if row["name"] == "torch.build"]
        [(None, 'cpu')]
        """
        rows: list[tuple[str | int | None, ...]] = [
            ("field", each.field, each.before, each.after) for each in self.changed
        ]
        rows += [
            ("package", each.name, each.before, each.after, each.size_before, each.size_after) for each in self.packages
        ]
        rows += [("layer", each.diff_id, "there", None, each.size) for each in self.layers_before]
        rows += [("layer", each.diff_id, None, "there", None, each.size) for each in self.layers_after]
        rows += [("gpu", name, None, "there") for name in self.gpus_gained]
        rows += [("gpu", name, "there") for name in self.gpus_lost]
        rows += [("not compared", name) for name in self.not_compared]
        return [dict(zip_longest(_COLUMNS, row)) for row in rows]

    def _headline(self) -> str:
        counts = {"fields": self.changed, "packages": self.packages, "layers": self.layers_before + self.layers_after}
        told = [f"{len(found)} {what} differ" for what, found in counts.items() if found]
        told += [f"{len(self.not_compared)} not compared"] if self.not_compared else []
        return f"{self.before.reference} -> {self.after.reference}: {', '.join(told) or 'equal'}"

    def _table(self) -> list[Row]:
        return self.records()


def difference(before: ImageFacts, after: ImageFacts) -> Difference:
    """Return what changed from one image to the other; where each came from and how it was read does not count."""
    shared = _shared(before.layers, after.layers)
    olds, news = dict(_fields(before)), dict(_fields(after))
    changed = tuple(_changed(olds, news))
    packages: tuple[Package, ...] = ()
    open_points = [field for field in olds if isinstance(olds[field], Unknown) or isinstance(news[field], Unknown)]
    if isinstance(before.distributions, Unknown) or isinstance(after.distributions, Unknown):
        open_points.append("packages")
    else:
        packages = tuple(_packages(_by_name(before), _by_name(after)))
    rest = (before.layers[shared:], after.layers[shared:])
    gained, lost = _gpus(before, after, open_points)
    return Difference(
        equal=not (changed or packages or any(rest) or gained or lost or open_points),
        before=_side(before),
        after=_side(after),
        changed=changed,
        packages=packages,
        layers_shared=shared,
        layers_before=rest[0],
        layers_after=rest[1],
        not_compared=tuple(open_points),
        gpus_gained=gained,
        gpus_lost=lost,
    )


def _gpus(before: ImageFacts, after: ImageFacts, open_points: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the GPUs that were gained, and lost; where one side does not know its own, that joins the open points."""
    old, new = reached(before.gpu), reached(after.gpu)
    if isinstance(old, Unknown) or isinstance(new, Unknown):
        open_points.append("gpus")
        return (), ()
    return tuple(each for each in new if each not in old), tuple(each for each in old if each not in new)


def _side(facts: ImageFacts) -> Side:
    return Side(**{field: getattr(facts, field) for field in Side.__struct_fields__})


def _shared(before: Iterable[LayerFacts], after: Iterable[LayerFacts]) -> int:
    pairs = zip(before, after, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].diff_id and pair[0].diff_id == pair[1].diff_id, pairs))


def _changed(olds: dict[str, _Value], news: dict[str, _Value]) -> Iterator[Changed]:
    for field, old in olds.items():
        new = news[field]
        if old != new and not isinstance(old, Unknown) and not isinstance(new, Unknown):
            yield Changed(field=field, before=old, after=new)


def _fields(facts: ImageFacts) -> Iterator[tuple[str, _Value]]:
    """Yield everything compared one to one, as text and in the order of reports."""
    torch, size = facts.torch, facts.size
    unseen = _UNSEEN if facts.evidence.partial else None
    yield "image_id", facts.image_id or _UNSEEN
    yield "platform", str(facts.platform)
    yield "size.uncompressed", _UNSEEN if size.uncompressed is None else str(size.uncompressed)
    yield "size.compressed", unseen if size.compressed is None else str(size.compressed)
    yield "torch.installed", _text(torch.installed)
    yield "torch.importable", str(torch.importable)
    yield "torch.version", torch.version
    yield "torch.build", torch.build if torch.installed else None
    for field in ("cuda", "hip", "xpu", "accelerator", "path"):
        yield f"torch.{field}", _text(getattr(torch, field) or None)
    for field in ("size", "stack_size"):
        count = getattr(torch, field)
        yield f"torch.{field}", (unseen if torch.installed else None) if count is None else str(count)
    yield "gpu.driver", _driver(facts.gpu)
    yield "gpu.compat", ", ".join(each.version for each in facts.gpu.compat) or None if facts.gpu else None
    for field in ("implementation", "version", "path", "resolved", "machine", "runs"):
        yield f"interpreter.{field}", _of_interpreter(facts.interpreter, field)
    yield "startup.argv", " ".join(facts.startup.argv)
    yield "startup.starts", facts.startup.starts
    yield "torch_elsewhere", _elsewhere(facts.torch_elsewhere)


def _driver(gpu: ImageGpu | None) -> _Value:
    """Return the oldest driver under which the image's CUDA comes up; None where it has none."""
    if gpu is None or gpu.build != "cuda" or not isinstance(gpu.cuda, str):
        return next((each for each in (gpu.build, gpu.cuda) if isinstance(each, Unknown)), None) if gpu else None
    return minimum_driver(gpu.cuda) or _UNSEEN


def _elsewhere(found: tuple[TorchElsewhere, ...] | Unknown) -> _Value:
    if isinstance(found, Unknown):
        return found
    return ", ".join(sorted(f"{other.path} {other.version}" for other in found))


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def _of_interpreter(interpreter: Interpreter | Unknown, field: str) -> str | None:
    match interpreter:
        case Absent():
            return None
        case Unknown():
            return "unknown"
        case _:
            return _text(getattr(interpreter, field))


def _packages(olds: _Named, news: _Named) -> Iterator[Package]:
    for name in sorted(olds.keys() | news.keys()):
        old, new = olds.get(name, []), news.get(name, [])
        package = Package(
            name=(new or old)[0].name,
            before=_versions(old),
            after=_versions(new),
            size_before=_size(old),
            size_after=_size(new),
            change="added" if not old else "removed" if not new else "version",
            layer_before=_layers(old),
            layer_after=_layers(new),
        )
        if package.before != package.after:
            yield package
        elif package.growth and None not in (package.size_before, package.size_after):
            yield msgspec.structs.replace(package, change="size")
        elif package.layer_before != package.layer_after and None not in (package.layer_before, package.layer_after):
            yield msgspec.structs.replace(package, change="layer")


def _by_name(facts: ImageFacts) -> _Named:
    """List by canonical name, with the diff_ids of their layers; several of one name may lie on one search path."""
    named: _Named = {}
    for one in () if isinstance(facts.distributions, Unknown) else facts.distributions:
        at = one.layer
        diff_id = facts.layers[at].diff_id or None if at is not None and 0 <= at < len(facts.layers) else None
        named.setdefault(canonical(one.name), []).append(_Found(one.name, one.version, one.size, diff_id))
    return named


def _versions(found: Iterable[_Found]) -> str | None:
    return ", ".join(sorted(one.version for one in found)) or None


def _size(found: Iterable[_Found]) -> int | None:
    sizes = [one.size for one in found if one.size is not None]
    return sum(sizes) if sizes else None


def _layers(found: Iterable[_Found]) -> str | None:
    return ", ".join(sorted({one.layer for one in found if one.layer is not None})) or None
