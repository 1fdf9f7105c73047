"""The identity of a finding: what fingerprints, baselines and waivers know it by, from one run to the next."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from msgspec.structs import replace

from inspector.errors import InvalidReference
from inspector.names import familiar, is_tag, repository_in
from inspector.policy.model import Finding
from inspector.reference import Scheme, parse_reference

DIGITS = 32
"""Hexadecimal digits of an identity: 128 bits."""
_NAMED = (Scheme.BARE, Scheme.DOCKER, Scheme.PODMAN, Scheme.REGISTRY)


def identity(check: str, role: str | None, image: str, subject: str | None = None, number: int = 1) -> str:
    """Return the identity of a finding: nothing in it changes with the image's tag, digest, layers, sizes or versions.

    `number` tells apart the findings of one check that have the same subject.
    """
    parts = [check, role or "", repository_of(image), subject or "", *([str(number)] if number > 1 else [])]
    content = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def identified(findings: Iterable[Finding], role: str | None, image: str) -> tuple[Finding, ...]:
    """Give each of an image's findings in one role its identity; no two have the same."""
    met: Counter[tuple[str, str | None]] = Counter()
    found = []
    for each in findings:
        key = (each.check, each.subject)
        met[key] += 1
        found.append(replace(each, id=identity(each.check, role, image, each.subject, met[key])))
    return tuple(found)


def repository_of(image: str) -> str:
    """Return what a report calls an image, without scheme, tag and digest; a path stays as it was typed.

    >>> repository_of("docker:ghcr.io/team/api:1.4@sha256:00"), repository_of("oci:images/api:1.4")
    ('ghcr.io/team/api', 'images/api')
    """
    try:
        reference = parse_reference(image)
    except InvalidReference:
        return image
    if reference.scheme in _NAMED and not reference.is_path_like():
        return familiar(repository_in(reference.name))
    path, _, _ = reference.name.partition("@sha")
    before, colon, tag = path.rpartition(":")
    return before if colon and is_tag(tag) else path
