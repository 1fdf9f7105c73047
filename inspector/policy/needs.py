"""Which rules of a role single files can answer, and which need every layer: what the choice of a lane rests on.

Every field of `Role` is in one of the two tables, so that a new rule is thought about here before it is judged.
"""

from __future__ import annotations

from collections.abc import Callable

from inspector.policy.role import Limits, Role

GLANCED = frozenset(
    {
        "name",
        "description",
        "match",
        "dockerfile",
        "torch",
        "torch_version",
        "cuda",
        "cuda_runtime",
        "python",
        "python_command",
        "size",  # which the engine states; where it does not, the check says so
        "platform",
    }
)
"""Rules that files asked for one by one can answer, and what is no rule."""

WHOLE: dict[str, Callable[[Role], str]] = {
    "torch_elsewhere": lambda role: (
        "torch-elsewhere = 'forbid' asks for every file" if role.torch_elsewhere == "forbid" else ""
    ),
    "forbid": lambda role: "'forbid' asks for every package" if role.forbid else "",
    "require": lambda role: "'require' asks for every package" if role.require else "",
    "compressed_size": lambda role: (
        "the compressed size is that of the layers as stored" if role.compressed_size != Limits() else ""
    ),
}
"""Rules that need every layer, each with the clause that says why; empty where the role does not state it."""


def whole_facts_needed(role: Role) -> str:
    """Why single files can't answer all that the role asks, as a clause; empty where they may."""
    return next((clause for need in WHOLE.values() if (clause := need(role))), "")
