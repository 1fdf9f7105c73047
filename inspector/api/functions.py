"""What `import inspector` offers: facts, differences and verdicts of images, and of whole registries."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, Unpack

import msgspec

from inspector.api.given import Image, NoVerdict, PolicyLike, image_of, images_of, policy_of, role_for_all
from inspector.api.keywords import (
    Auditing,
    Checking,
    Comparing,
    Inspecting,
    Texts,
    opened_cache,
    options_of,
    stated,
    takes,
    texts,
)
from inspector.errors import PolicyError, UsageError
from inspector.facts import ImageFacts
from inspector.pipeline import audit as registries
from inspector.pipeline import facts, verdicts
from inspector.pipeline.model import Options
from inspector.pipeline.scopes import Scope, Selection, parse_catalog, parse_scope
from inspector.policy.audited import Audited, Ended, Planned
from inspector.policy.baselines import load_baseline
from inspector.policy.model import Report
from inspector.policy.role import Policy
from inspector.report.conditions import Condition, judged, parse_condition
from inspector.report.difference import Difference, difference
from inspector.sizes import parse_size


@takes(Inspecting)
def inspect(image: Image, **keywords: Unpack[Inspecting]) -> ImageFacts:
    """Read the facts of one image: which torch its `python` would import, its packages and its layers.

    `image` is a name or reference as on the command line, or the path of an archive or a layout.

    Errors:
        UsageError: The question is wrong: a name that no grammar accepts (`InvalidReference`), several images.
        InspectorError: The image can't be read; the kinds are `NotFound`, `PlatformMissing`, `Malformed`,
            `Unsupported`, `Unreachable`, `Refused` and `LimitExceeded`, each in `inspector.errors`.

    >>> facts = inspector.inspect("worker.tar")
    >>> facts.torch.importable == "yes", facts.torch.build
    (True, 'cpu')
    >>> inspector.inspect(Path("worker.tar"), platform="linux/amd64", cache=None).torch.version
    '2.13.0+cpu'
    """
    return _inspect(image, stated("inspect", Inspecting, keywords))


@takes(Comparing)
def diff(before: Image | ImageFacts, after: Image | ImageFacts, **keywords: Unpack[Comparing]) -> Difference:
    """Compare two images, each by its name, its path, or facts that were read before.

    Errors:
        UsageError: As `inspect`, and for a condition that there is not.
        InspectorError: As `inspect`, of either image.

    >>> change = inspector.diff("api.tar", "worker.tar")
    >>> change.equal
    False
    >>> [(each.before, each.after) for each in change.changed if each.field == "torch.build"]
    [(None, 'cpu')]
    >>> [(each.outcome, each.message) for each in inspector.diff("api.tar", "worker.tar", fail_on="build").findings]
    [('fail', "torch's build changed: absent → CPU")]
    """
    given = stated("diff", Comparing, keywords)
    conditions = _conditions(given["fail_on"])
    sides = (each if isinstance(each, ImageFacts) else _inspect(each, given) for each in (before, after))
    return judged(difference(*sides), conditions)


def _conditions(given: Texts) -> list[Condition]:
    try:
        return [parse_condition(each) for each in texts(given, "fail_on")]
    except ValueError as error:
        raise UsageError(f"fail_on: {error}") from None


@takes(Checking)
def check(images: Image | Iterable[Image] = (), policy: PolicyLike = None, **keywords: Unpack[Checking]) -> Report:
    """Check images against the roles of a policy; one that can't be read is unknown in its place.

    `images` is one text or path, or several; without any, the images that the policy lists are checked. `policy` is a
    path, a dict with what a file would say, a `Policy`, or one `Role` for all images; without any, `inspector.toml` or
    the `[tool.inspector]` of `pyproject.toml` of this folder or the nearest above it.

    Errors:
        PolicyError: There is no policy, it says what no policy may, or lacks the role.
        UsageError: There is nothing to check, a name that no grammar accepts (`InvalidReference`), or a baseline that
            can't be read.

    >>> report = inspector.check(["api.tar", Path("worker.tar")], "roles.toml")
    >>> report.outcome, [(result.role, result.outcome) for result in report.results]
    ('pass', [('api', 'pass'), ('worker', 'pass')])
    >>> inspector.check("worker.tar", {"roles": {"small": {"torch": "absent"}}}, role="small").outcome
    'fail'
    >>> inspector.check("worker.tar", inspector.Role(name="gpu", torch="cuda")).results[0].findings[-1].outcome
    'pass'
    >>> inspector.check("worker.tar", "roles.toml", against="worker.tar").outcome
    'pass'
    """
    given = stated("check", Checking, keywords)
    policy, role = role_for_all(policy, given["role"])
    if given["runtime"] not in ("auto", "always", "never"):
        raise UsageError(f"runtime={given['runtime']!r}: write 'auto', 'always' or 'never'")
    options = options_of(
        given,
        role=role,
        every_tag=given["all_tags"],
        runtime=given["runtime"],
        against="" if given["against"] is None else str(image_of(given["against"])),
        baseline=None if given["baseline"] is None else load_baseline(Path(given["baseline"])),
    )
    references, loaded = images_of(images), policy_of(policy)
    with opened_cache(given["cache"]) as cache:
        return verdicts.check(references, loaded, msgspec.structs.replace(options, cache=cache))


@takes(Auditing)
def audit(
    repositories: str | Iterable[str] = (), policy: PolicyLike | NoVerdict = None, **keywords: Unpack[Auditing]
) -> Generator[Planned | Audited | Ended, None, None]:
    """Check every image of registries, each layer read once, and yield results as they come.

    First comes the plan (`Planned`), then an `Audited` for each image in each role, at last how it ended (`Ended`).
    Closing the generator stops the work; what was read by then is in the cache. `policy` is as in `check`; False asks
    for none: what the images hold, without a verdict.

    Errors:
        PolicyError: As `check`.
        UsageError: There is nothing to audit, or what no registry has (`InvalidReference`).

    >>> for event in inspector.audit("registry.example.com/team/worker", "roles.toml"):
    ...     print(type(event).__name__)
    Planned
    Audited
    Ended
    """
    given = stated("audit", Auditing, keywords)
    policy, role = (False, given["role"]) if policy is False else role_for_all(policy, given["role"])
    scopes = [parse_scope(each) for each in texts(repositories, "audit")]
    scopes += map(parse_catalog, texts(given["catalog"], "catalog"))
    if not scopes:
        raise UsageError("nothing to audit: name a repository, as in registry.example.com/team/api")
    terms, options = _terms(given), options_of(given, role=role)
    return _audit(scopes, _policy(policy, plan_only=terms.plan_only), options, terms, given["cache"])


def _audit(
    scopes: list[Scope], policy: Policy | None, options: Options, terms: registries.Terms, kept: Any
) -> Generator[Planned | Audited | Ended, None, None]:
    with opened_cache(kept) as cache:
        yield from registries.audit(scopes, policy, msgspec.structs.replace(options, cache=cache), terms=terms)


def _policy(given: PolicyLike | NoVerdict, *, plan_only: bool) -> Policy | None:
    """Return the policy. A plan needs none."""
    if given is False:
        return None
    try:
        return policy_of(given)
    except PolicyError:
        if given is None and plan_only:
            return None
        raise


def _terms(given: dict[str, Any]) -> registries.Terms:
    most = given["max_bytes"]
    try:
        most = parse_size(most) if isinstance(most, str) else most
    except ValueError as error:
        raise UsageError(f"max_bytes: {error}") from None
    for name, value in (("newest", given["newest"]), ("max_requests", given["max_requests"])):
        if value is not None and value < 1:
            raise UsageError(f"{name}={value}: write a number of 1 or more")
    selection = Selection(
        include=texts(given["include"], "include"),
        exclude=texts(given["exclude"], "exclude"),
        versions=given["versions"],
        newest=given["newest"],
    )
    selection.check()
    return registries.Terms(
        selection=selection, plan_only=given["plan_only"], max_bytes=most, max_requests=given["max_requests"]
    )


def _inspect(image: Image, given: dict[str, Any]) -> ImageFacts:
    options = options_of(given, guess_registry=True)
    reference = image_of(image)
    with opened_cache(given["cache"]) as cache:
        return facts.inspect(reference, msgspec.structs.replace(options, cache=cache))
