"""The verdict on an image in a role: manifest checks first, where these alone may decide, then all the others."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from inspector.facts import ImageFacts
from inspector.pipeline.model import Options, Seen, Target
from inspector.policy.excuses import Excuses
from inspector.policy.findings import Earlier, error_finding
from inspector.policy.identity import identified
from inspector.policy.judge import judge, judge_manifest
from inspector.policy.model import ErrorFact, Result
from inspector.policy.role import Policy, Role
from inspector.policy.rules import RULES
from inspector.policy.rules.against import AGAINST
from inspector.policy.rules.imports import IMPORTS
from inspector.policy.selection import ALL


def judge_target(
    target: Target,
    seen: Seen,
    name: str,
    *,
    excuses: Excuses,
    earlier: tuple[Earlier, ...] = (),
    in_registry: bool = False,
    manifest: bool = False,
) -> Result:
    """Judge what was seen of an image, which the result calls `name`; of one that was not read, nothing is known.

    `excuses` says which findings fail nothing, `earlier` what the image is compared with. `manifest` takes a failure of
    the manifest checks for the verdict where no layer was read. `in_registry` says that a registry was asked, where the
    name alone doesn't.
    """
    if seen.facts is None:
        error = seen.error or ErrorFact("internal-error", "neither facts nor an error")
        result = unread(name, target.role, error, in_registry=in_registry)
    elif target.role is None:
        findings = identified([target.finding] if target.finding else [], None, name)
        result = Result(image=name, role=None, outcome="unknown", findings=findings, facts=seen.facts)
    else:
        early = manifest and not layers_seen(seen.facts)
        failed = manifest_failure(seen.facts, target.role, name, excuses) if early else None
        result = failed or judge(seen.facts, target.role, image=name, earlier=earlier)
    return excuses.excuse(result)


def manifest_failure(facts: ImageFacts, role: Role, name: str, excuses: Excuses) -> Result | None:
    """Return the verdict where manifest and config alone decide that an image fails, and nothing excuses that."""
    failed = judge_manifest(facts, role, image=name)
    return failed if failed is not None and excuses.excuse(failed).outcome == "fail" else None


def unread(name: str, role: Role | None, error: ErrorFact, *, in_registry: bool = False) -> Result:
    """Report that an image could not be read."""
    finding = error_finding(error, role, name, in_registry=in_registry)
    return Result(
        image=name,
        role=role.name if role else None,
        outcome="unknown",
        findings=identified([finding], role.name if role else None, name),
        facts=None,
        error=error,
        description=role.description if role else "",
        dockerfile=role.dockerfile if role else None,
    )


def layers_seen(facts: ImageFacts) -> bool:
    """Tell whether the facts rest on any layer."""
    return facts.evidence.layers_read + facts.evidence.layers_cached > 0


def asking(policy: Policy, options: Options) -> Policy:
    """Return the policy with another command for all roles, where one was asked for, further modules to import, the
    checks that count, and the image to compare with.

    Raises `UsageError` for a check that no rule has.
    """
    checks = options.checks
    if options.python is None and not (options.imports or options.against) and checks == ALL:
        return policy
    roles = policy.roles
    if checks != ALL:
        checks.verify([*dict.fromkeys(rule.check for role in roles for rule in (*RULES, *role.rules))])
        roles = tuple(role.replaced(checks=checks) for role in roles)
    if options.python is not None:
        roles = tuple(role.replaced(python_command=options.python) for role in roles)
    if options.imports:
        roles = tuple(role.replaced(**{IMPORTS.name: imports_asked([role], options)}) for role in roles)
    if options.against:
        roles = tuple(role.replaced(**{AGAINST.name: options.against}) for role in roles)
    return msgspec.structs.replace(policy, roles=roles)


def imports_asked(roles: Iterable[Role], options: Options) -> tuple[str, ...]:
    """List the modules whose import the roles and the user ask for, each once."""
    return tuple(dict.fromkeys([*(name for role in roles for name in role[IMPORTS]), *options.imports]))
