"""Facts checked against a role: all findings, and the outcome that follows."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from inspector.facts import ImageFacts
from inspector.policy.commands import as_command, beside_command, differs, of_command
from inspector.policy.findings import Case, Earlier
from inspector.policy.identity import identified
from inspector.policy.match import shown_name
from inspector.policy.model import FINDINGS_WORST_FIRST, Finding, Outcome, Result, page_of, worst
from inspector.policy.role import Role
from inspector.policy.rule import Rule
from inspector.policy.rules import RULES
from inspector.policy.rules.evidence import CHECK as EVIDENCE
from inspector.policy.rules.static_vs_runtime import RAN

_OURS = (*RULES, RAN)


def judge(facts: ImageFacts, role: Role, *, image: str | None = None, earlier: tuple[Earlier, ...] = ()) -> Result:
    """Check one image in one role. `image` is the name that it is checked under, else its first tag.

    `earlier` is what it is compared with.

    Raises `TypeError` for a role that states what no rule reads.
    """
    rules = _rules(role)
    unread = role.stated.keys() - {setting.name for rule in rules for setting in rule.settings}
    if unread:
        raise TypeError(f"the role {role.name!r} states {min(unread)!r}, which no rule reads")
    name = image or shown_name(facts.reference, facts.tags)
    findings = _findings(facts, role, name, rules, earlier)
    return _result(facts, role, name, (*_nothing_selected(role, rules, findings), *findings))


def judge_manifest(facts: ImageFacts, role: Role, *, image: str) -> Result | None:
    """Check what manifest and config decide; None unless that is a failure, as every pass hangs on the layers.

    `facts` need know no more than manifest and config tell, which digests vouch for.
    """
    rules = [rule for rule in _rules(role) if rule.facts == "manifest"]
    findings = _findings(facts, role, image, rules)
    return _result(facts, role, image, findings) if any(each.outcome == "fail" for each in findings) else None


def judge_run(facts: ImageFacts) -> Result:
    """Check a run alone, in no role: it agrees with the files, and a CUDA build finds a GPU and computes."""
    run = facts.runtime
    cuda = facts.torch.build == "cuda" or (run is not None and run.cuda is not None)
    role = Role(name="", cuda_runtime="demand" if cuda else None)
    name = shown_name(facts.reference, facts.tags)
    rules = [RAN, *(rule for rule in RULES if rule.facts == "run")]
    findings = identified(_findings(facts, role, name, rules), None, name)
    outcome = worst(finding.outcome for finding in findings)
    return Result(image=name, role=None, outcome=outcome, findings=findings, facts=facts)


def _rules(role: Role) -> tuple[Rule, ...]:
    return (*RULES, *(rule for rule in role.rules if isinstance(rule, Rule)))


def _nothing_selected(role: Role, rules: Iterable[Rule], findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Say that no selected check answered, though the role asks for one: no image passes for that."""
    asked = [rule.check for rule in rules if rule.check in role.checks.select and role.states(rule)]
    if not asked or any(finding.check in role.checks.select for finding in findings):
        return ()
    message = f"none of the selected checks has anything to say of this image: {', '.join(asked)}"
    advice = "Select the checks that these rest on too, such as `--select torch`"
    return (Finding(check=asked[0], outcome="unknown", message=message, category="EVIDENCE", advice=advice),)


def _findings(
    facts: ImageFacts, role: Role, name: str, rules: Iterable[Rule], earlier: tuple[Earlier, ...] = ()
) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for rule in (each for each in rules if role.checks.take(each.check)):
        own = list(rule.test(Case(facts, role, name, rule.check, earlier)))
        if rule.of_python and differs(facts, role):
            theirs = [of_command(facts, each) for each in rule.test(Case(as_command(facts), role, name, rule.check))]
            own = [*(beside_command(facts, each) for each in own), *theirs]
        if rule in _OURS:
            own = [msgspec.structs.replace(each, page=page_of(rule.check)) for each in own]
        found += own
    return tuple(found)


def _result(facts: ImageFacts, role: Role, name: str, findings: tuple[Finding, ...]) -> Result:
    if role.dockerfile:
        from inspector.policy.dockerfile import with_lines  # most roles name none

        findings = with_lines(findings, role.dockerfile, role.folder)
    findings = identified(findings, role.name, name)
    by_weight = sorted(findings, key=lambda each: FINDINGS_WORST_FIRST.index(each.outcome))
    return Result(
        image=name,
        role=role.name,
        outcome=outcome_of(findings),
        findings=findings,
        facts=facts,
        description=role.description,
        dockerfile=role.dockerfile,
        line=next((each.evidence.line for each in by_weight if each.evidence.line), None),
    )


def outcome_of(findings: tuple[Finding, ...]) -> Outcome:
    """Take the worst of all; but without evidence there is no verdict at all, not even a bad one."""
    if any(finding.check == EVIDENCE and finding.outcome != "pass" for finding in findings):
        return "unknown"
    return worst(finding.outcome for finding in findings)
