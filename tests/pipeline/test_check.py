"""The main job from end to end: archives in, verdicts out, and nothing lost on the way."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from fixtures.forms import FORMS
from fixtures.packing import gzip
from fixtures.roles import right_images
from fixtures.wrong import wrong_images
from inspector.errors import InvalidReference, NotFound, PolicyError, UsageError
from inspector.facts import ImageFacts
from inspector.layers.cache import IndexCache
from inspector.oci import Platform
from inspector.pipeline import Options, Progress, check, inspect, survey
from inspector.policy.load import load_policy
from inspector.policy.model import Finding, Report, Result, exit_code
from inspector.policy.role import Listed, Policy, Role
from inspector.reference import parse_reference
from inspector.testing.image import Image, Step

FIXTURES = Path(__file__).parents[2] / "fixtures"
TOML = load_policy(FIXTURES / "roles.toml")
JSON = load_policy(FIXTURES / "roles.json")
NAMES = ["ktrdr-backend:prod", "ktrdr-backend:dev", "ktrdr-worker-cpu:test", "ktrdr-worker-gpu:test"]
RIGHT = right_images()
WRONG = wrong_images()


class Count(Progress):
    """A progress display that logs what is started and finished."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[str, str]] = []

    def started(self, name: str) -> None:
        """See `Progress`."""
        self.log.append(("started", name))

    def finished(self, name: str) -> None:
        """See `Progress`."""
        self.log.append(("finished", name))


@pytest.mark.parametrize(("form", "of_file"), [("docker-24", False), ("containerd-zstd", False), ("gzip", True)])
def test_what_is_to_be_read_is_known_before(form: str, tmp_path: Path, *, of_file: bool) -> None:
    """A bar needs a total: of a packed archive its size, else that of the layers that the cache lacks."""
    path = tmp_path / "image.tar"
    FORMS["docker-24" if of_file else form](path, [RIGHT["worker-cpu"]])
    if of_file:
        path.write_bytes(gzip(path.read_bytes()))
    cache = IndexCache(tmp_path / "layers.sqlite")
    shown = Shown()
    with contextlib.closing(cache):
        check([str(path)], TOML, Options(cache=cache), shown)
        assert shown.bytes == shown.size > 0
        assert not of_file or shown.size == path.stat().st_size
        again = Shown()
        check([str(path)], TOML, Options(cache=cache), again)
    assert of_file or again.size == 0


class Shown(Progress):
    """A progress display that somebody looks at."""

    is_shown = True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All four images in one archive, and each in its own."""
    folder = tmp_path_factory.mktemp("images")
    FORMS["docker-24"](folder / "all.tar", list(RIGHT.values()))
    for name, image in RIGHT.items():
        FORMS["docker-24"](folder / f"{name}.tar", [image])
    return folder


def outcomes(report: Report) -> list[tuple[str, str | None, str]]:
    return [(result.image, result.role, result.outcome) for result in report.results]


def failures(result: Result) -> list[Finding]:
    return [finding for finding in result.findings if finding.outcome == "fail"]


def only(report: Report) -> Result:
    (result,) = report.results
    return result


def timeless(report: Report) -> Report:
    """The report without what differs from run to run."""

    def still(facts: ImageFacts | None) -> ImageFacts | None:
        return facts and replace(facts, evidence=replace(facts.evidence, seconds=0.0))

    return replace(report, results=tuple(replace(result, facts=still(result.facts)) for result in report.results))


def test_the_four_images_suit_their_roles(folder: Path) -> None:
    report = check([f"docker-archive:{folder / 'all.tar'}"], TOML)
    assert outcomes(report) == list(zip(NAMES, ["api", "dev", "worker-cpu", "worker-gpu"], ["pass"] * 4, strict=True))
    assert (report.outcome, exit_code(report.outcome)) == ("pass", 0)
    assert report.warnings == ()


def test_the_four_images_suit_the_procedure(folder: Path) -> None:
    report = check([str(folder / f"{name}.tar") for name in RIGHT], JSON)
    assert outcomes(report) == [(name, name, "pass") for name in NAMES]


def test_the_build_step_at_fault_is_named(tmp_path: Path) -> None:
    FORMS["docker-24"](tmp_path / "wrong.tar", [WRONG["backend-with-torch"].image])
    (torch, *_) = failures(only(check([str(tmp_path / "wrong.tar")], TOML)))
    assert "it came with the step `RUN uv sync" in torch.advice
    assert torch.evidence.created_by is not None
    assert torch.evidence.path == "/app/.venv/lib/python3.11/site-packages/torch"


def test_a_bad_image_loses_no_other(folder: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tar"
    cut.write_bytes((folder / "backend-prod.tar").read_bytes()[:200_000])
    asked = [str(folder / "worker-cpu.tar"), str(cut), str(tmp_path / "none.tar"), str(folder / "backend-prod.tar")]
    report = check(asked, TOML, Options(jobs=2))
    assert [result.outcome for result in report.results] == ["pass", "unknown", "unknown", "pass"]
    assert (report.outcome, exit_code(report.outcome)) == ("unknown", 3)
    _, broken, missing, _ = report.results
    assert broken.error is not None
    assert missing.error is not None
    assert missing.error.kind == "not-found"
    assert (missing.findings[0].check, missing.findings[0].category) == ("image", "ENVIRONMENT")
    assert missing.findings[0].advice.startswith("Check the path, and the name within it; ")


def test_what_nobody_foresaw_is_told_as_such(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gather(*_: object, **__: object) -> object:
        raise KeyError("Image")

    monkeypatch.setattr("inspector.facts.from_layers.gather", gather)
    result = only(check([str(folder / "backend-prod.tar")], TOML))
    assert result.error is not None
    assert (result.outcome, result.error.kind) == ("unknown", "internal-error")
    assert result.error.message.startswith("KeyError: 'Image' (at test_check.py:")
    assert "a fault of inspector" in result.findings[0].advice


@pytest.mark.parametrize("jobs", [1, 4])
def test_an_interruption_ends_the_run(folder: Path, jobs: int) -> None:
    class Interrupted(Count):
        def started(self, name: str) -> None:
            super().started(name)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check([str(folder / "all.tar")], TOML, Options(jobs=jobs), Interrupted())


def test_the_answer_does_not_depend_on_how_many_are_read_at_once(folder: Path) -> None:
    asked = [str(folder / "all.tar"), str(folder / "worker-cpu.tar")]
    one, four = (timeless(check(asked, TOML, Options(jobs=jobs))) for jobs in (1, 4))
    assert one == four


def test_a_shared_layer_is_read_once(folder: Path) -> None:
    archive, once, twice = str(folder / "backend-prod.tar"), Count(), Count()
    check([archive], TOML, progress=once)
    report = check([archive, archive], TOML, Options(jobs=2), twice)
    assert once.bytes == twice.bytes > 0
    first, second = (result.facts.evidence.bytes_read for result in report.results if result.facts)
    assert first == second > 0


def test_progress_is_told_of_each_image(folder: Path) -> None:
    progress = Count()
    check([str(folder / "backend-prod.tar")], TOML, progress=progress)
    assert progress.log == [(what, str(folder / "backend-prod.tar")) for what in ("started", "finished")]


def test_images_that_the_procedure_names_must_be_there(folder: Path) -> None:
    report = check([str(folder / "worker-gpu.tar")], JSON)
    found, *missing = report.results
    assert found.outcome == "pass"
    assert [result.image for result in missing] == NAMES[:3]
    for result in missing:
        assert result.error is not None
        assert (result.outcome, result.error.kind, result.findings[0].category) == (
            "unknown",
            "not-found",
            "ENVIRONMENT",
        )
    assert (
        missing[0]
        .findings[0]
        .advice.startswith(
            "Run build commands: `docker build -f deploy/docker/Dockerfile.backend -t ktrdr-backend:prod .`"
        )
    )
    assert exit_code(report.outcome) == 3


def test_the_procedure_alone_asks_for_its_images_by_name() -> None:
    report = check([], JSON, Options(offline=True))
    assert [(result.image, result.role, result.outcome) for result in report.results] == [
        (name, name, "unknown") for name in NAMES
    ]
    assert {result.error.kind for result in report.results if result.error} == {"unreachable"}
    assert all(result.error and "unix:///nowhere/engine.sock" in result.error.message for result in report.results)


def test_a_role_asked_for_alone_leaves_out_what_is_listed_for_others() -> None:
    report = check([], JSON, Options(role=NAMES[0], offline=True))
    assert [(result.image, result.role) for result in report.results] == [(NAMES[0], NAMES[0])]


def test_a_role_that_fits_no_image_is_told_beside_an_image_that_fits_no_role(folder: Path) -> None:
    """One of two misspelt names explains the other; an image checked alone leaves the other roles unmet."""
    alone = check([str(folder / "backend-prod.tar")], TOML)
    assert (alone.outcome, alone.warnings) == ("pass", ())
    lost = check([str(folder / "backend-prod.tar")], of(*(role for role in TOML.roles if role.name != "api")))
    assert lost.outcome == "unknown"
    assert lost.warnings[0] == "role 'dev' fits no image given: its match is ktrdr-backend:dev"
    assert len(lost.warnings) == len(TOML.roles) - 1


def test_an_image_that_is_not_there_says_nothing_of_roles() -> None:
    report = check(["none.tar"], TOML)
    assert (report.outcome, report.warnings) == ("unknown", ())


def of(*roles: Role, images: Sequence[Listed] = (), origin: str = "inspector.toml") -> Policy:
    return Policy(origin=origin, roles=roles, images=tuple(images))


def test_an_image_without_a_role_is_no_pass(folder: Path) -> None:
    report = check([str(folder / "backend-prod.tar")], of(Role(name="api", match=("ktrdr-backend:prd",))))
    result = only(report)
    assert (result.role, result.outcome, result.findings[0].check) == (None, "unknown", "role")
    assert result.findings[0].message.startswith("no role's `match` fits any of its names: ktrdr-backend:prod, ")
    assert result.findings[0].message.endswith(
        "; did you mean 'ktrdr-backend:prd' of the role 'api' to fit ktrdr-backend:prod?"
    )
    assert result.facts is not None
    assert len(report.warnings) == 1


def test_two_roles_for_one_name_are_not_decided(folder: Path) -> None:
    both = of(Role(name="api", match=("ktrdr-*prod",)), Role(name="any", match=("ktrdr-*d",)))
    result = only(check([str(folder / "backend-prod.tar")], both))
    assert (result.image, result.role, result.outcome) == ("ktrdr-backend:prod", None, "unknown")
    assert result.findings[0].message == (
        "the roles 'api' and 'any' claim ktrdr-backend:prod by patterns that are as exact; none was taken"
    )


def test_a_role_for_the_rest(folder: Path) -> None:
    policy = of(Role(name="gpu", match=("ktrdr-worker-gpu:*",), torch="cuda"), Role(name="rest", default=True))
    report = check([str(folder / "all.tar")], policy)
    assert [result.role for result in report.results] == ["rest", "rest", "rest", "gpu"]


def test_ignored_images_are_left_out_and_counted_unless_one_is_named_by_itself(folder: Path) -> None:
    policy = replace(of(Role(name="rest", default=True)), ignore=("ktrdr-worker-*", "*:dev"))
    report = check([str(folder / "all.tar")], policy)
    assert ([result.image for result in report.results], report.ignored) == (["ktrdr-backend:prod"], 3)
    report = check([str(folder / "worker-cpu.tar")], policy)
    assert ([result.image for result in report.results], report.ignored) == (["ktrdr-worker-cpu:test"], 0)
    assert "`ignore` of the policy fits it" in report.warnings[0]


def test_a_run_that_ignores_everything_checked_nothing(folder: Path) -> None:
    report = check([str(folder / "all.tar")], replace(of(Role(name="rest", default=True)), ignore=("*",)))
    assert (report.results, report.ignored, report.outcome, exit_code(report.outcome)) == ((), 4, "unknown", 3)


def test_an_image_with_two_names_is_judged_in_both_roles(tmp_path: Path) -> None:
    FORMS["docker-24"](tmp_path / "a.tar", [replace_tags(RIGHT["backend-prod"], NAMES[0], NAMES[2])])
    assert outcomes(check([str(tmp_path / "a.tar")], TOML)) == [
        (NAMES[0], "api", "pass"),
        (NAMES[2], "worker-cpu", "fail"),
    ]


def replace_tags(image: Image, *tags: str) -> Image:
    return image.with_steps(tags=tags)


def test_a_role_named_on_the_command_line_beats_all_patterns(folder: Path) -> None:
    report = check([str(folder / "all.tar")], TOML, Options(role="worker-cpu"))
    assert [result.role for result in report.results] == ["worker-cpu"] * 4
    assert [result.outcome for result in report.results] == ["fail", "pass", "pass", "fail"]
    assert report.warnings == ()


def test_a_role_that_is_not_there(folder: Path) -> None:
    with pytest.raises(PolicyError, match=r"no role 'worker_cpu'; did you mean 'worker-cpu'\?"):
        check([str(folder / "all.tar")], TOML, Options(role="worker_cpu"))


def test_nothing_to_check() -> None:
    with pytest.raises(
        UsageError, match=r"nothing to check: name an image, or list them as `images` in inspector\.toml"
    ):
        check([], of(Role(name="api")))


def test_a_name_that_is_none() -> None:
    with pytest.raises(InvalidReference):
        check([" "], TOML)


def test_the_images_that_a_policy_lists_lie_beside_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    shutil.copy(folder / "backend-prod.tar", tmp_path / "build" / "api.tar")
    shutil.copy(folder / "worker-cpu.tar", tmp_path / "worker.tar")
    (tmp_path / "inspector.toml").write_text(
        'images = ["docker-archive:build/api.tar", {reference = "worker.tar", role = "other"}, "nowhere.tar"]\n'
        '[roles.api]\nmatch = ["*:prod"]\ntorch = "absent"\n[roles.other]\ntorch = "cpu"\n',
        encoding="utf-8",
    )
    report = check([], load_policy(tmp_path / "inspector.toml"))
    assert outcomes(report) == [
        (NAMES[0], "api", "pass"),
        (NAMES[2], "other", "pass"),
        ("nowhere.tar", None, "unknown"),
    ]


def test_another_python_is_asked_about(folder: Path) -> None:
    archive = str(folder / "worker-cpu.tar")
    result = only(
        check([archive], of(Role(name="r", torch="cpu", match=("*",), python_command="/usr/local/bin/python3")))
    )
    assert (result.outcome, failures(result)[0].check) == ("fail", "torch")
    assert result.facts is not None
    assert result.facts.torch_elsewhere
    result = only(check([archive], TOML, Options(python="python-none")))
    assert "no 'python-none' in PATH" in next(
        finding.message for finding in result.findings if finding.check == "python"
    )


def other_platform(image: Image) -> Image:
    return image.with_steps(Step("LABEL x=y"), architecture="arm64")


def test_the_platform_of_a_role_that_is_named_is_taken(tmp_path: Path) -> None:
    image = RIGHT["backend-prod"]
    reference = FORMS["oci-platforms"](tmp_path / "layout", [image])
    images = inspect_all(reference, Options(platform="all"))
    platforms = sorted({str(facts.platform) for facts in images})
    wanted = platforms[-1]
    report = check([reference], of(Role(name="r", platform=Platform.parse(wanted))), Options(role="r"))
    assert {str(result.facts.platform) for result in report.results if result.facts} == {wanted}


def inspect_all(reference: str, options: Options) -> list[ImageFacts]:
    return [seen.facts for seen in survey([parse_reference(reference)], options) if seen.facts is not None]


def test_images_of_one_name_are_told_apart(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tar"
    shutil.copy(folder / "backend-prod.tar", other)
    report = check([str(folder / "backend-prod.tar"), str(other), str(folder / "worker-cpu.tar")], TOML)
    assert [result.image for result in report.results] == [str(folder / "backend-prod.tar"), str(other), NAMES[2]]


def test_offline_no_registry_is_asked() -> None:
    result = only(check(["docker://localhost:1/api"], of(Role(name="r", match=("*",))), Options(offline=True)))
    assert result.error is not None
    assert "nothing leaves the machine when offline" in result.error.message


def test_the_facts_of_one_image(folder: Path, tmp_path: Path) -> None:
    assert inspect(f"docker-archive:{folder / 'backend-dev.tar'}").torch.build == "cpu"
    with pytest.raises(UsageError, match=r"holds 4 images \(.*ktrdr-backend:prod, .*\); name one of them"):
        inspect(str(folder / "all.tar"))
    with pytest.raises(NotFound):
        inspect(str(tmp_path / "none.tar"))


def test_a_survey_keeps_its_order(folder: Path) -> None:
    asked = [parse_reference(str(folder / name)) for name in ("none.tar", "worker-cpu.tar", "all.tar")]
    seen = survey(asked, Options(jobs=3))
    assert [each.facts is None for each in seen] == [True, False, False, False, False, False]
    assert json.dumps([each.facts.tags for each in seen if each.facts]) == json.dumps(
        [[NAMES[2]], *([n] for n in NAMES)]
    )


def test_what_the_cache_holds_is_evidence(folder: Path, tmp_path: Path) -> None:
    cache = IndexCache(tmp_path / "cache.sqlite", max_bytes=1 << 30)
    try:
        archive = str(folder / "all.tar")
        first, second = (check([archive], TOML, Options(cache=cache)) for _ in range(2))
    finally:
        cache.close()
    assert outcomes(first) == outcomes(second)
    for result in second.results:
        assert result.facts is not None
        evidence = result.facts.evidence
        assert (evidence.bytes_read, evidence.layers_read, evidence.layers_cached) == (0, 0, len(result.facts.layers))
        assert result.findings[0].outcome == "pass"


def test_digests_are_checked_where_that_is_asked(folder: Path) -> None:
    for verify in (False, True):
        result = only(check([str(folder / "backend-prod.tar")], TOML, Options(verify=verify)))
        assert result.facts is not None
        assert result.facts.evidence.digests_verified is verify
