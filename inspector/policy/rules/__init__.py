"""The checks, one module each; a further one is its module and its line here."""

from __future__ import annotations

from inspector.policy.rule import Rule
from inspector.policy.rules import (
    against,
    command,
    cuda,
    cuda_runtime,
    evidence,
    extensions,
    forbid,
    gpu_architecture,
    imports,
    platform,
    proof,
    python,
    python_version,
    require,
    size,
    startup,
    static_vs_runtime,
    torch,
    torch_build,
    torch_elsewhere,
    torch_version,
    waste,
)

RULES: tuple[Rule, ...] = (
    evidence.RULE,
    proof.RULE,
    platform.RULE,
    startup.RULE,
    command.RULE,
    python.RULE,
    python_version.RULE,
    torch.RULE,
    torch_build.RULE,
    torch_version.RULE,
    cuda.RULE,
    cuda_runtime.RULE,
    gpu_architecture.RULE,
    static_vs_runtime.RULE,
    torch_elsewhere.RULE,
    imports.RULE,
    require.RULE,
    forbid.RULE,
    extensions.RULE,
    size.RULE,
    size.COMPRESSED,
    against.RULE,
    against.GROWN,
    against.BUILD,
    against.PACKAGES,
    waste.RULE,
)
"""All checks, in the order of their findings."""
