"""A role on the command line: keys of a policy's role as options, read by the parsers of these keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inspector.cli.option import option, together

if TYPE_CHECKING:
    from inspector.policy.role import Policy

NAME = "command line"
"""What reports call the role."""
KEYS = ("torch", "cuda", "max-size", "require", "forbid")
"""Keys of a role, each the option of its name."""

_PLACE = rf"(?m)^{NAME}: role {NAME!r}(?:, key '([a-z-]+)[^']*')?: "


role_options = together(
    option("--torch", metavar="BUILD", help="Expect this: absent, present, or a build such as cpu or cuda."),
    option("--cuda", metavar="RANGE", help="Expect torch for CUDA in RANGE, as in '>=12.4,<14'."),
    option("--max-size", metavar="SIZE", help="Expect an image of at most SIZE, as in '2 GB'."),
    option("--require", multiple=True, metavar="PACKAGE", help="Expect it, as in 'fastapi>=0.100'; may be repeated."),
    option(
        "--forbid",
        multiple=True,
        metavar="PATTERN",
        help="Expect no such package, as in 'nvidia-*'; may be repeated.",
    ),
)
"""`stated_role` takes what these options give."""


def stated_role(given: dict[str, Any]) -> dict[str, Any]:
    """Remove the options that state a key of a role from `given`, and return those that were used."""
    values = {key: given.pop(key.replace("-", "_")) for key in KEYS}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items() if value}


def told(stated: Mapping[str, Any]) -> str:
    """Name the options of what was stated: `--torch and --cuda`."""
    return " and ".join(f"--{key}" for key in stated)


def policy_of(stated: Mapping[str, Any]) -> Policy:
    """Return the policy whose one role states these keys. Raises `PolicyError`, which names the option at fault."""
    from inspector.errors import PolicyError
    from inspector.policy.tables import policy_of_tables  # brings all checks

    try:
        return policy_of_tables({"roles": {NAME: dict(stated)}}, NAME)
    except PolicyError as error:
        faults = re.sub(_PLACE, lambda found: f"--{found[1]}: " if found[1] else "", str(error))
        raise PolicyError("; ".join(faults.splitlines())) from error
