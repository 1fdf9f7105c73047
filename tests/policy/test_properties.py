"""What must hold for every image and role: unknown is never a pass, and a CPU build never suits a GPU role."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspector.facts import ImageFacts, Size
from inspector.facts.runtime import Failure, RuntimeFacts
from inspector.policy.judge import judge
from inspector.policy.model import Outcome, exit_code, worst
from inspector.policy.role import Limits, Role
from inspector.python.model import Startup
from inspector.torchbuild.model import Torch
from inspector.unknown import Absent, Importable, Tri, Unknown
from tests.effort import examples
from tests.policy.cases import A10, ASKED, IMAGE, PYTHON, UNSEEN, installed

TRI: st.SearchStrategy[Tri] = st.sampled_from(["yes", "no", "unknown"])
BUILDS = ["cpu", "cuda", "rocm", "xpu"]
OUTCOMES: list[Outcome] = ["pass", "warn", "unknown", "fail"]
VERSIONS = st.sampled_from([None, "", "2.6.0", "2.6.0+cu124", "nonsense"])
LIMITS = st.builds(Limits, warn=st.sampled_from([None, 5]), most=st.sampled_from([None, 10]))


MAYBE = st.sampled_from([None, False, True])
RUNS = st.none() | st.builds(
    RuntimeFacts,
    ran=st.booleans(),
    gpu=st.booleans(),
    imported=MAYBE,
    torch=VERSIONS,
    cuda=st.sampled_from([None, "12.4"]),
    is_available=MAYBE,
    computed=MAYBE,
    devices=st.sampled_from([(), (A10,)]),
    arch_list=st.sampled_from([(), ("sm_80",), ("sm_90",)]),
    driver=st.sampled_from([None, "470.1", "550.1", "odd"]),
    error=st.none() | st.just(Failure("RuntimeError", "x")),
)


@st.composite
def images(draw: st.DrawFn) -> ImageFacts:
    """An image whose facts are of any kind."""
    torch = Torch(
        installed=draw(st.booleans()),
        importable=Importable(draw(TRI)),
        version=draw(VERSIONS),
        distribution_version=draw(VERSIONS),
        build=draw(st.sampled_from([*BUILDS, "unknown"])),
        cuda=draw(st.sampled_from([None, "", "12.4", "x"])),
        layer=draw(st.sampled_from([None, 0, 1, 99])),
    )
    seen = st.integers(0, 3)
    return replace(
        IMAGE,
        torch=torch,
        interpreter=draw(
            st.one_of(
                st.builds(lambda runs: replace(PYTHON, runs=runs), TRI),
                st.sampled_from([Unknown("odd"), Absent("none"), replace(PYTHON, version="3.11")]),
            )
        ),
        startup=Startup(argv=("a",), path=None, starts=draw(TRI)),
        size=Size(draw(st.none() | st.integers(0, 20)), draw(st.none() | st.integers(0, 20))),
        evidence=draw(
            st.builds(
                lambda read, cached, sent, asked: replace(
                    asked, layers_read=read, layers_cached=cached, bytes_read=sent, questions=sent
                ),
                *(seen, seen, seen),
                st.sampled_from([IMAGE.evidence, ASKED]),
            )
        ),
        distributions=draw(st.sampled_from([(), (installed("a", "1"),), (installed("a", "odd"),), UNSEEN])),
        torch_elsewhere=draw(st.sampled_from([(), UNSEEN])),
        runtime=draw(RUNS),
    )


ROLES = st.builds(
    Role,
    name=st.just("r"),
    torch=st.sampled_from([None, "absent", "any", *BUILDS]),
    torch_version=st.sampled_from([None, ">=2.3"]),
    cuda=st.sampled_from([None, ">=12"]),
    cuda_runtime=st.sampled_from([None, "demand", "report"]),
    torch_elsewhere=st.sampled_from(["allow", "forbid"]),
    require=st.sampled_from([(), ("a>=1",)]),
    forbid=st.sampled_from([(), ("b*",)]),
    python=st.sampled_from([None, ">=3.11", ">=3.11.5"]),
    size=LIMITS,
    compressed_size=LIMITS,
)


def computed(run: RuntimeFacts | None) -> bool:
    """Whether a GPU computed, told apart from how the checks find it."""
    return run is not None and all([run.ran, run.gpu, run.imported, run.is_available, run.computed])


UNSTATED = ("torch_elsewhere", "cuda_runtime", "cuda", "require", "forbid", "python")


def undecided(facts: ImageFacts, role: Role) -> bool:
    """Whether anything that the role's rules need is not known, told apart from how the checks find it."""
    asks = {"torch": None, "size": Limits(), "compressed_size": Limits(), **dict.fromkeys(UNSTATED), **role.stated}
    torch, python = facts.torch, facts.interpreter
    no_python = isinstance(python, Absent)
    needs_build = asks["torch"] in BUILDS and torch.installed
    return any(
        [
            facts.startup.starts == "unknown",
            isinstance(python, Unknown) and not no_python,
            not isinstance(python, Unknown) and python.runs == "unknown",
            asks["torch"] is not None and torch.importable == "unknown" and not torch.installed and not no_python,
            asks["torch"] not in (None, "absent") and torch.importable == "unknown",
            needs_build and torch.build == "unknown",
            needs_build and torch.build == "cuda" and asks["cuda"] is not None and torch.cuda != "12.4",
            asks["cuda_runtime"] == "demand" and not computed(facts.runtime),
            asks["torch_elsewhere"] == "forbid" and isinstance(facts.torch_elsewhere, Unknown),
            bool(asks["require"] or asks["forbid"]) and isinstance(facts.distributions, Unknown) and not no_python,
            asks["size"] != Limits() and facts.size.uncompressed is None,
            asks["compressed_size"] != Limits() and facts.size.compressed is None,
            bool(asks["require"]) and facts.distributions == (installed("a", "odd"),),
            asks["python"] == ">=3.11.5" and not isinstance(python, Unknown) and python.version == "3.11",
        ]
    )


@examples(300)
@given(images(), ROLES)
def test_what_is_not_known_never_passes(facts: ImageFacts, role: Role) -> None:
    result = judge(facts, role)
    if undecided(facts, role):
        assert result.outcome in ("unknown", "fail")


@examples(300)
@given(images(), ROLES)
def test_a_pass_rests_on_evidence_and_on_what_every_image_must_have(facts: ImageFacts, role: Role) -> None:
    result = judge(facts, role)
    evidence = facts.evidence
    glanced = evidence.access == "files"
    if not glanced and evidence.layers_read + evidence.layers_cached < len(facts.layers):
        assert result.outcome == "unknown"
    if glanced and not evidence.bytes_read:
        assert result.outcome == "unknown"
    if exit_code(result.outcome) == 0:
        assert evidence.bytes_read or evidence.layers_cached
        if facts.runtime is not None and facts.runtime.ran and facts.runtime.imported is not None:
            assert facts.torch.importable in (("yes", "unknown") if facts.runtime.imported else ("no", "unknown"))
        assert facts.startup.starts == "yes"
        assert not isinstance(facts.interpreter, Unknown)
        assert facts.interpreter.runs == "yes"


@examples(200)
@given(images(), ROLES, st.sampled_from(BUILDS), st.sampled_from(BUILDS))
def test_a_build_never_passes_in_the_role_of_another(facts: ImageFacts, role: Role, has: Any, wants: Any) -> None:
    facts = replace(facts, torch=replace(facts.torch, build=has))
    outcome = judge(facts, role.replaced(torch=wants)).outcome
    if has != wants or not facts.torch.installed:
        assert exit_code(outcome) != 0
    if facts.torch.installed:
        assert exit_code(judge(facts, role.replaced(torch="absent")).outcome) != 0


@examples(200)
@given(images(), ROLES)
def test_every_finding_that_is_no_pass_says_what_to_do(facts: ImageFacts, role: Role) -> None:
    for finding in judge(facts, role).findings:
        assert finding.message
        assert (finding.outcome == "pass") == (finding.category is None) == (finding.advice == "")


@given(st.lists(st.sampled_from(OUTCOMES)), st.sampled_from(OUTCOMES))
def test_one_more_outcome_never_makes_the_whole_better(outcomes: list[Outcome], more: Outcome) -> None:
    before, after = worst(outcomes), worst([*outcomes, more])
    if outcomes:
        assert OUTCOMES.index(after) == max(OUTCOMES.index(before), OUTCOMES.index(more))
    severity = [0, 3, 1]
    assert not outcomes or severity.index(exit_code(after)) >= severity.index(exit_code(before))


def test_nothing_checked_is_not_known() -> None:
    assert exit_code(worst([])) == 3
