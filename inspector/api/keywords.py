"""The keywords of the functions that read images: declared once, with types, defaults and what each one says."""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypedDict, TypeVar, get_args, get_type_hints

from inspector import work
from inspector.errors import NoHome, UsageError
from inspector.imports.model import MAX_NAMES, module_name
from inspector.layers.cache import IndexCache, default_cache
from inspector.oci import Platform
from inspector.pipeline.model import Options
from inspector.policy.role import Role
from inspector.runtime.verify import Mode
from inspector.sources.access import ACCESS_METHODS, AccessMethod

Texts = str | Iterable[str]
"""One text, or several."""
_LOG = logging.getLogger("inspector")
F = TypeVar("F", bound=Callable[..., Any])


class Keyword(NamedTuple):
    """A keyword's sentence on the page, and its default."""

    text: str
    default: Any = None


class Reading(TypedDict, total=False):
    """Keywords of every function that reads images."""

    platform: Annotated[
        str | Platform | None, Keyword("Which image of several platforms, as in `linux/arm64`, or `all`.")
    ]
    python: Annotated[str | None, Keyword("The interpreter to inspect, in place of `python`.")]
    offline: Annotated[bool, Keyword("Never leave this machine.", default=False)]
    cache: Annotated[
        IndexCache | str | os.PathLike[str] | bool | None,
        Keyword("The command's cache; None or False for none, a path for the folder of another one.", default=True),
    ]
    jobs: Annotated[int | None, Keyword("Images read at once; as many as there are processors, at most 8.")]
    verify: Annotated[bool, Keyword("Read every layer completely and verify its digests.", default=False)]
    trust_toc: Annotated[
        bool | Texts,
        Keyword(
            "Believe layers' tables of contents unread: those of all registries, or of these hosts.", default=False
        ),
    ]
    insecure_registries: Annotated[Texts, Keyword("Hosts to ask by plain HTTP or unverified TLS, too.", default=())]
    image_timeout: Annotated[
        float | None, Keyword("Seconds for one image, beside what its bytes justify; 600 by default.")
    ]


class Inspecting(Reading, total=False):
    """Keywords of what reads images of any kind, those of engines among them."""

    access: Annotated[
        AccessMethod | None, Keyword("The one access method for engines' images; the fastest by default.")
    ]
    namespace: Annotated[
        str | None, Keyword("The namespace of `containerd:` images; by default `k8s.io`, `default`, then the others.")
    ]
    imports: Annotated[Texts, Keyword("Modules whose import is followed too, as in `torchvision`.", default=())]
    config: Annotated[
        str | os.PathLike[str] | None,
        Keyword("A file with the configuration of root file systems (`rootfs:`): an image's, or `docker inspect`'s."),
    ]
    waste: Annotated[
        bool, Keyword("Tell where the bytes are, and which are waste, in `sizes` and `waste`.", default=False)
    ]


class Checking(Inspecting, total=False):
    """Keywords of `check`."""

    role: Annotated[str | Role | None, Keyword("The role of every image, regardless of its name.")]
    runtime: Annotated[
        Mode,
        Keyword("Run a container where a role asks for CUDA at run time; `auto` is on GPU hosts.", default="never"),
    ]
    all_tags: Annotated[bool, Keyword("Check all tags of each name, which is an engine's repository.", default=False)]
    against: Annotated[str | os.PathLike[str] | None, Keyword("An earlier image, with which each is compared.")]
    baseline: Annotated[
        str | os.PathLike[str] | None, Keyword("What `inspector baseline` wrote, whose findings are known.")
    ]
    today: Annotated[date | None, Keyword("The day on which waivers count; today in UTC by default.")]


class Comparing(Inspecting, total=False):
    """Keywords of `diff`."""

    fail_on: Annotated[Texts, Keyword("Conditions to answer in `findings`, as in `growth=5%` or `build`.", default=())]


class Auditing(Reading, total=False):
    """Keywords of `audit`."""

    role: Annotated[str | Role | None, Keyword("The role of every image, regardless of its name.")]
    catalog: Annotated[Texts, Keyword("Registries to audit whole: `HOST`, or `HOST/GLOB` for a part.", default=())]
    include: Annotated[Texts, Keyword("Only tags that fit one of these patterns.", default=())]
    exclude: Annotated[Texts, Keyword("No tags that fit one of these patterns.", default=())]
    versions: Annotated[str | None, Keyword("Only tags with a version in this range, as in `>=1.2,<2`.")]
    newest: Annotated[int | None, Keyword("The newest so many tags of each repository.")]
    plan_only: Annotated[bool, Keyword("Stop after the plan: nothing of a layer is fetched.", default=False)]
    max_bytes: Annotated[int | str | None, Keyword("Fetch layers of no more than this, as in `50 GB`.")]
    max_requests: Annotated[int | None, Keyword("Make no more than so many requests.")]
    today: Annotated[date | None, Keyword("The day on which waivers count; today in UTC by default.")]


def keywords_of(kind: Any) -> dict[str, tuple[Any, Keyword]]:
    """List a function's keywords by name, each with its type."""
    found = get_type_hints(kind, include_extras=True)
    return {name: (get_args(hint)[0], get_args(hint)[1]) for name, hint in found.items()}


def takes(kind: Any) -> Callable[[F], F]:
    """Show the keywords in a function's signature, and in `help`; refuse others as Python does."""

    def spelled_out(function: F) -> F:
        plain = inspect.signature(function)
        own = [each for each in plain.parameters.values() if each.kind is not each.VAR_KEYWORD]
        more = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=keyword.default, annotation=hint)
            for name, (hint, keyword) in keywords_of(kind).items()
        ]
        function.__signature__ = plain.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
        lines = [f"    {name}: {keyword.text}" for name, (_, keyword) in keywords_of(kind).items()]
        function.__doc__ = inspect.cleandoc(function.__doc__ or "") + "\n\nKeywords:\n" + "\n".join(lines)
        function.__keywords__ = kind  # type: ignore[attr-defined]
        return function

    return spelled_out


def stated(function: str, kind: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the defaults of the keywords. Raises `TypeError` for one that there is not, as Python does."""
    known = keywords_of(kind)
    for name in given:
        if name not in known:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}; known are {', '.join(known)}")
    return {name: given.get(name, keyword.default) for name, (_, keyword) in known.items()}


def texts(given: Texts, name: str) -> tuple[str, ...]:
    """List one text, or several. Raises `TypeError` for anything else."""
    found = (given,) if isinstance(given, str) else tuple(given)
    for each in found:
        if not isinstance(each, str):
            raise TypeError(f"{name} takes text, not {type(each).__name__}")
    return found


def options_of(given: Mapping[str, Any], **more: Any) -> Options:
    """Make the options of the pipeline, but for the cache. Raises `UsageError` for a value that can't be asked."""
    jobs, seconds, access = given["jobs"] or 0, given["image_timeout"], given.get("access")
    if jobs < 0:
        raise UsageError(f"jobs={jobs}: write a number of 1 or more")
    if seconds is not None and not seconds >= 1:
        raise UsageError(f"image_timeout={seconds}: write seconds, 1 or more")
    if access is not None and access not in ACCESS_METHODS:
        raise UsageError(f"access={access!r}: no access method; known are {', '.join(ACCESS_METHODS)}")
    if given.get("namespace") is not None and not given["namespace"].strip():
        raise UsageError("namespace='': an empty name; name one, as in k8s.io")
    if given["python"] is not None and not given["python"].strip():
        raise UsageError("python='': an empty command; name one, as in python3.12")
    return Options(
        platform=_platform(given["platform"]),
        python=given["python"],
        jobs=jobs,
        verify=given["verify"],
        offline=given["offline"],
        access=access,
        namespace=given.get("namespace"),
        insecure_registries=texts(given["insecure_registries"], "insecure_registries"),
        trust_toc=_trusted(given["trust_toc"]),
        imports=_modules(texts(given.get("imports", ()), "imports")),
        today=given.get("today"),
        sizes=given.get("waste", False),
        config=None if given.get("config") is None else Path(given["config"]),
        image_timeout=work.DEFAULT_SECONDS if seconds is None else seconds,
        **more,
    )


@contextlib.contextmanager
def opened_cache(given: IndexCache | str | os.PathLike[str] | bool | None) -> Iterator[IndexCache | None]:  # noqa: FBT001 - as the keyword
    """Open the cache, and close it at the end, unless the caller opened it; log what is wrong with it."""
    if isinstance(given, IndexCache) or given is None or given is False:
        yield given or None
        return
    try:
        cache = default_cache(None if given is True else given)
    except NoHome as error:  # reading works without
        _LOG.warning("%s; nothing is cached", error)
        yield None
        return
    try:
        yield cache
    finally:
        cache.close()
        for warning in cache.warnings:
            _LOG.warning("%s; layers are read again", warning)


def _platform(given: str | Platform | None) -> Platform | Literal["all"] | None:
    if given is None or isinstance(given, Platform):
        return given
    if given == "all":
        return "all"
    try:
        return Platform.parse(given)
    except ValueError as error:
        raise UsageError(f"platform: {error}") from None


def _trusted(given: bool | Texts) -> Literal["all"] | tuple[str, ...]:  # noqa: FBT001 - as the keyword
    if isinstance(given, bool):
        return "all" if given else ()
    return texts(given, "trust_toc")


def _modules(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(given) > MAX_NAMES:
        raise UsageError(f"imports: more than {MAX_NAMES} of them")
    try:
        return tuple(map(module_name, given))
    except ValueError as error:
        raise UsageError(f"imports: {error}") from None
