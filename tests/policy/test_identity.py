"""What a finding is known by from one run to the next."""

from __future__ import annotations

import pytest

from inspector.policy.identity import DIGITS, identified, identity, repository_of
from inspector.policy.judge import judge
from inspector.policy.model import Finding
from inspector.policy.role import Role
from tests.factories import distribution, image, layers


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("api", "api"),
        ("localhost/api:test", "api"),
        ("docker.io/library/api:2", "api"),
        ("docker:ghcr.io/team/api:1.4@sha256:" + "0" * 64, "ghcr.io/team/api"),
        ("docker://localhost:5000/team/api:1", "localhost:5000/team/api"),
        ("images/api.tar", "images/api.tar"),
        ("oci:images/api:1.4", "images/api"),
        ("images.tar:team/api:1.4", "images.tar:team/api"),
        ("C:/images/api.tar", "C:/images/api.tar"),
        ("", ""),
    ],
)
def test_the_repository_of_an_image_has_neither_scheme_nor_tag_nor_digest(image: str, repository: str) -> None:
    assert repository_of(image) == repository


def test_an_identity_says_which_check_role_repository_and_subject_it_is_of() -> None:
    one = identity("forbid", "gpu", "team/worker:1", "pytest")
    assert len(one) == DIGITS
    assert one == identity("forbid", "gpu", "team/worker:2", "pytest")
    others = {
        identity("require", "gpu", "team/worker:1", "pytest"),
        identity("forbid", "cpu", "team/worker:1", "pytest"),
        identity("forbid", "gpu", "team/other:1", "pytest"),
        identity("forbid", "gpu", "team/worker:1", "ruff"),
        identity("forbid", "gpu", "team/worker:1", "pytest", 2),
        identity("forbid", "gputeam/worker", "", "pytest"),
    }
    assert len(others | {one}) == 7


def test_findings_of_one_check_without_a_subject_have_identities_of_their_own() -> None:
    twice = [Finding(check="torch-version", outcome="warn", message=message) for message in ("a", "b")]
    first, second = identified(twice, "gpu", "worker:1")
    assert first.id != second.id


def test_a_finding_is_the_same_in_the_next_release_of_its_image() -> None:
    role = Role(name="api", forbid=("pytest", "nvidia-*"), require=("fastapi>=1",), torch="absent")
    built = layers([(100, "base"), (200, "RUN uv sync")])
    old = judge(image("api:1", layers=built, distributions=(distribution("pytest", "8.0"),)), role, image="api:1")
    new = judge(image("api:2", layers=built, distributions=(distribution("pytest", "9.1"),)), role, image="api:2")
    assert [each.id for each in old.findings] == [each.id for each in new.findings]
    assert len({each.id for each in old.findings}) == len(old.findings)
    assert [each.subject for each in old.findings if each.check in ("forbid", "require")] == [
        "fastapi",
        "pytest",
        "nvidia-*",
    ]
