"""The platform that an image was built for."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from inspector.oci import Platform
from inspector.policy.findings import Case, Shown
from inspector.policy.model import Advice, Finding
from inspector.policy.rule import Explanation, Rule

WRONG = Advice(
    "ENVIRONMENT", "Ask for the right one with `--platform {wanted}`, or build it: `{build} --platform {wanted}`"
)


def check_platform(case: Case) -> Iterator[Finding]:
    """Check the platform, where the role states one; a variant counts only where the role names it."""
    wanted = case.role.platform
    if wanted is None:
        return
    actual = case.facts.platform.normal()
    shown = Shown(str(wanted), str(actual))
    if not actual.os or not actual.architecture:
        yield case.unknown("the image does not say what platform it is for", shown)
    elif actual == msgspec.structs.replace(actual, **_stated(wanted)):
        yield case.passed(f"built for {actual}", shown)
    else:
        yield case.found("fail", WRONG, f"built for {actual}, not for {wanted}", shown)


def _stated(platform: Platform) -> dict[str, str]:
    """Return the parts that a role names: a missing variant is no demand."""
    parts = {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant}
    return {name: part for name, part in parts.items() if part}


EXPLAINED = Explanation(
    proves="The image was built for the platform that the role states.",
    unknown="The image's config does not state its platform.",
    mend=(
        "Build or pull the image for that platform: `docker build --platform linux/amd64`. To check another image "
        "of the same name, use `--platform`."
    ),
)
RULE = Rule(check="platform", explanation=EXPLAINED, test=check_platform, facts="manifest")
