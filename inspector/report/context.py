"""What differs between two runs over the same images, as one value: the time, the checkout and its Dockerfiles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from inspector.policy.model import Finding

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Span(msgspec.Struct, frozen=True):
    """Lines of a file in the checkout, from 1; `end_column` is behind the last character of the last one."""

    path: str
    line: int
    end_line: int
    end_column: int


class DockerfileLines(msgspec.Struct, frozen=True):
    """A Dockerfile in the checkout: its instructions by their first lines, and the last `FROM`."""

    path: str
    instructions: Mapping[int, Span]
    last_from: Span | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The run as its command line makes it.

    `now` is in UTC, `version` our own. `policy` is the path of the policy from the root of the checkout, None where it
    lies outside, and `policy_digest` its SHA-256; `roles` are the lines of the policy's roles by name, `dockerfiles`
    the files that roles name, as they spell them. `category` tells apart several reports on one commit.
    `selected` says that some checks were left out by options.
    """

    now: dt.datetime = EPOCH
    version: str = "0.0.0"
    policy: str | None = None
    policy_digest: str | None = None
    roles: Mapping[str, Span] = MappingProxyType({})
    dockerfiles: Mapping[str, DockerfileLines] = MappingProxyType({})
    category: str | None = None
    selected: bool = False

    @property
    def time(self) -> str:
        """The time as RFC 3339 has it, in whole seconds."""
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def place(self, finding: Finding, dockerfile: str | None, role: str | None) -> Span | None:
        """Return what a finding is shown at: its build step, else the last `FROM`, else its role in the policy.

        What is not a fault of the image build is shown at the role first; what is in no role, where the policy begins.
        """
        file = self.dockerfiles.get(dockerfile) if dockerfile else None
        step = file.instructions.get(finding.evidence.line or 0) if file else None
        base = file.last_from if file else None
        stated = self.roles.get(role) if role else None
        start = Span(self.policy, 1, 1, 1) if self.policy else None
        return step or ((base or stated) if finding.category == "CODE_BUG" else (stated or base)) or start


NO_CONTEXT = Context()
