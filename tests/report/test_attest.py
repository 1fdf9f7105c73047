"""Predicates that cosign signs: what passed, and nothing that is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from inspector.errors import InspectorError, UsageError
from inspector.facts import ImageFacts
from inspector.policy.judge import judge
from inspector.policy.model import Report, Result, worst
from inspector.policy.role import Role
from inspector.report import attest
from inspector.report.context import Context
from tests.factories import digest, evidence
from tests.report import samples

RUN = Context(version="9.9.9", policy="deploy/inspector.toml", policy_digest="ab" * 32)
CPU = samples.torch("cpu", "2.14.1+cpu", 702_000_000)


def image(**changes: Any) -> ImageFacts:
    """Return an image as a registry has it."""
    told = {"manifest_digest": digest(5), "evidence": evidence(layers_read=5, digests_verified=True)}
    return samples.facts("worker:1", CPU, **{**told, **changes})


def report(*results: Result) -> Report:
    return Report(outcome=worst(one.outcome for one in results), results=results)


GOOD = judge(image(), Role(name="worker-cpu", torch="cpu"))
BAD = judge(image(), Role(name="api", torch="absent"))


def test_a_verification_result_says_what_passed() -> None:
    found = json.loads(attest.render_svr(report(GOOD), context=RUN))
    assert found["verifier"]["version"] == "9.9.9"
    assert found["verifier"]["policy"] == {"uri": "deploy/inspector.toml", "digest": {"sha256": "ab" * 32}}
    assert found["timeCreated"] == "1970-01-01T00:00:00Z"
    properties = set(found["properties"])
    assert {"INSPECTOR_ROLE_worker-cpu", "INSPECTOR_TORCH_BUILD_cpu", "INSPECTOR_DIGESTS_VERIFIED"} <= properties
    assert "INSPECTOR_CHECK_torch-build" in properties


def test_a_test_result_holds_failures_too() -> None:
    found = json.loads(attest.render_test_result(report(BAD), context=RUN))
    assert found["result"] == "FAILED"
    assert "torch" in found["failedTests"]
    assert "evidence" in found["passedTests"]
    assert found["configuration"][0]["digest"] == {"sha256": "ab" * 32}


@pytest.mark.parametrize("render", [attest.render_svr, attest.render_test_result])
def test_nothing_is_attested_of_what_is_not_known(render: Any) -> None:
    role = Role(name="worker-cpu", torch="cpu")
    with pytest.raises(UsageError, match="the digest of its manifest is not known"):
        render(report(judge(image(manifest_digest=None), role)))
    with pytest.raises(InspectorError, match="were not verified"):
        render(report(judge(image(evidence=evidence(layers_read=5, digests_verified=False)), role)))
    with pytest.raises(InspectorError, match="where something is unknown"):
        render(report(*(one for one in samples.mixed().results if one.outcome == "unknown" and one.facts)))
    with pytest.raises(UsageError, match="--select and --ignore"):
        render(report(GOOD), context=replace(RUN, selected=True))
    with pytest.raises(UsageError, match="one image in one role; 2"):
        render(report(GOOD, BAD))
    with pytest.raises(UsageError, match="one image in one role; 0"):
        render(report())


def test_a_failure_is_no_verification_result_and_exits_as_one() -> None:
    with pytest.raises(attest.NotPassed, match="test-result") as raised:
        attest.render_svr(report(BAD))
    assert raised.value.exit_code == 1
