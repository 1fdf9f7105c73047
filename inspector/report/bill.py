"""The packages of one image as bills of materials list them, whatever their format."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

import msgspec

from inspector.errors import InspectorError, UsageError
from inspector.escape import cut, escape
from inspector.facts import ImageFacts
from inspector.policy.identity import repository_of
from inspector.policy.match import shown_name
from inspector.policy.steps import readable
from inspector.python.metadata import canonical
from inspector.python.model import Distribution
from inspector.python.requirements import marker_environment
from inspector.report.context import Context
from inspector.torchbuild.model import Torch, TorchElsewhere
from inspector.unknown import Absent, Unknown

NAMESPACE = uuid.UUID("6f8c5d0e-0d0b-5a0f-9a3e-2b6f1f1c7a55")
"""Of the identifiers that are made from an image's id and our version."""
_CONDA = re.compile(r"/conda-meta/[^/]*-([^-/]+)\.json$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MAX_SHOWN = 200
"""Characters of a name, a version or a licence."""


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One distribution, or a torch without one. `ref` is unique in the bill; `requires` are refs of others.

    `excluded` is what `python` would not import. `properties` are ours, by name.
    """

    ref: str
    name: str
    version: str
    purl: str | None
    path: str
    layer: str | None = None
    license: str | None = None
    license_expression: str | None = None
    excluded: bool = False
    requires: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """One image and its packages. `version` is the digest of its manifest, else its id; `serial` follows from both."""

    name: str
    version: str
    purl: str | None
    serial: uuid.UUID
    packages: tuple[Package, ...]
    properties: tuple[tuple[str, str], ...]


def bill_of(images: Sequence[ImageFacts], context: Context) -> Bill:
    """Make the bill of one image. Raises `UsageError` for several, `InspectorError` where its packages are unknown."""
    if len(images) != 1:
        raise UsageError(f"a bill of materials is of one image, and {len(images)} were read; name one for each file")
    (facts,) = images
    why = facts.distributions if isinstance(facts.distributions, Unknown) else _no_interpreter(facts)
    if why is not None or isinstance(facts.distributions, Unknown):
        reason = why.unknown if why else ""
        sentence = f"{facts.reference}: its packages are not known: {reason}"
        raise InspectorError(f"{sentence}; an incomplete list would look whole: `--access save` has every layer read")
    name = escape(repository_of(shown_name(facts.reference, facts.tags)))
    packages = list(_packages(facts, facts.distributions))
    return Bill(
        name=name,
        version=facts.manifest_digest or facts.image_id or "",
        purl=_image_purl(facts, name),
        serial=uuid.uuid5(NAMESPACE, "\0".join([facts.image_id or facts.reference, context.version])),
        packages=tuple(packages),
        properties=tuple(_image_properties(facts)),
    )


def purl_of(distribution: Distribution) -> str | None:
    """Return the package URL of a distribution; None where its name allows none.

    `+` in a version is written as `%2B`, which some readers take for a space.
    """
    if not _NAME.fullmatch(distribution.name):
        return None
    version = f"@{quote(escape(distribution.version)[:MAX_SHOWN], safe='')}" if distribution.version else ""
    conda = _CONDA.search(distribution.path)
    if conda:
        return f"pkg:conda/{quote(distribution.name, safe='')}{version}?build={quote(escape(conda[1]), safe='')}"
    return f"pkg:pypi/{quote(distribution.name.lower().replace('_', '-'), safe='')}{version}"


def _no_interpreter(facts: ImageFacts) -> Unknown | None:
    found = facts.interpreter
    return found if isinstance(found, Unknown) and not isinstance(found, Absent) else None


def _packages(facts: ImageFacts, distributions: Sequence[Distribution]) -> Iterator[Package]:
    refs = {canonical(each.name): _ref(purl_of(each) or each.name, each.path) for each in distributions}
    environment = {} if isinstance(facts.interpreter, Unknown) else marker_environment(facts.interpreter)
    for each in distributions:
        own = _torch_properties(facts.torch) if canonical(each.name) == "torch" else []
        yield Package(
            ref=refs[canonical(each.name)],
            name=_shown(each.name),
            version=_shown(each.version),
            purl=purl_of(each),
            path=escape(cut(each.path)),
            layer=_layer(facts, each.layer),
            license=_shown(each.license) if each.license else None,
            license_expression=_shown(each.license_expression) if each.license_expression else None,
            requires=tuple(_requires(each, environment, refs)),
            properties=(*_of_distribution(facts, each), *own),
        )
    if facts.torch.installed and "torch" not in refs:
        yield _bare_torch(facts)
    for other in () if isinstance(facts.torch_elsewhere, Unknown) else facts.torch_elsewhere:
        yield _elsewhere(facts, other)


def _ref(name: str, path: str) -> str:
    return f"{escape(name)}#{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _shown(text: str) -> str:
    return escape(text)[:MAX_SHOWN]


def _requires(distribution: Distribution, environment: Mapping[str, str], refs: Mapping[str, str]) -> list[str]:
    """Return the refs of the installed distributions that another requires on the image's platform, each once."""
    from packaging.requirements import Requirement  # most runs print no bill

    found: dict[str, None] = {}
    for text in distribution.requires:
        try:
            requirement = Requirement(text)
            holds = requirement.marker is None or requirement.marker.evaluate({**environment, "extra": ""})
        except (ValueError, RecursionError):  # every error of packaging's is a ValueError
            continue
        ref = refs.get(canonical(requirement.name))
        if holds and ref is not None and ref != refs[canonical(distribution.name)]:
            found[ref] = None
    return list(found)


def _bare_torch(facts: ImageFacts) -> Package:
    torch = facts.torch
    return _loose(facts, escape(cut(torch.path or "")), torch.version, torch.layer, _torch_properties(torch))


def _elsewhere(facts: ImageFacts, other: TorchElsewhere) -> Package:
    properties: dict[str, object] = {"importable": "no", "torch:build": other.build, "why": other.why_not_importable}
    found = _loose(facts, other.path, other.version, other.layer, _named(properties))
    return msgspec.structs.replace(found, excluded=True)


def _loose(
    facts: ImageFacts, path: str, version: str | None, layer: int | None, properties: Iterable[tuple[str, str]]
) -> Package:
    """Make the package of a torch without a distribution."""
    return Package(
        ref=_ref("torch", path),
        name="torch",
        version=_shown(version or ""),
        purl=None,
        path=escape(cut(path)),
        layer=_layer(facts, layer),
        properties=tuple(properties),
    )


def _layer(facts: ImageFacts, at: int | None) -> str | None:
    return None if at is None or not 0 <= at < len(facts.layers) else facts.layers[at].diff_id or None


def _of_distribution(facts: ImageFacts, one: Distribution) -> Iterator[tuple[str, str]]:
    values: dict[str, object] = {"size": one.size, "installer": one.installer}
    if one.layer is not None and 0 <= one.layer < len(facts.layers):
        layer = facts.layers[one.layer]
        step = readable(layer.created_by)
        values |= {"layer:index": one.layer, "layer:diffId": layer.diff_id, "layer:createdBy": step}
    return _named(values)


def _torch_properties(torch: Torch) -> list[tuple[str, str]]:
    values: dict[str, object] = {
        "build": torch.build,
        "version": torch.version,
        "cuda": torch.cuda,
        "hip": torch.hip,
        "xpu": torch.xpu,
        "importable": str(torch.importable),
        "stackSize": torch.stack_size,
    }
    return list(_named({f"torch:{name}": value for name, value in values.items()}))


def _image_properties(facts: ImageFacts) -> Iterator[tuple[str, str]]:
    values: dict[str, object] = {"id": facts.image_id, "platform": str(facts.platform), "size": facts.size.uncompressed}
    yield from _named({f"image:{name}": value for name, value in values.items()})
    for at, layer in enumerate(facts.layers):
        told = {"diffId": layer.diff_id, "size": layer.size, "createdBy": readable(layer.created_by)}
        yield from _named({f"layer:{at}:{name}": value for name, value in told.items()})
    yield from _named({f"metadata:{at}:unread": path for at, path in enumerate(facts.metadata_unread)})


def _named(values: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Yield our properties of what is known."""
    return ((f"inspector:{name}", escape(cut(str(value)))) for name, value in values.items() if value not in (None, ""))


def _image_purl(facts: ImageFacts, name: str) -> str | None:
    """Return the package URL of an image whose manifest is known."""
    if facts.manifest_digest is None or not name:
        return None
    repository, _, last = name.rpartition("/")
    about = {"arch": facts.platform.architecture, "repository_url": f"{repository}/{last}" if repository else ""}
    told = "&".join(f"{key}={quote(value, safe='')}" for key, value in about.items() if value)
    return f"pkg:oci/{quote(last.lower(), safe='')}@{quote(facts.manifest_digest, safe=':')}" + (
        f"?{told}" if told else ""
    )
