"""What `inspector init` writes: valid whatever an image is called, and true of the images that it was made from."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspector.facts import ImageFacts, Size
from inspector.names import repository_in
from inspector.policy.judge import judge
from inspector.policy.match import roles_for
from inspector.policy.starting import Looked, _comment, _key, _value, rounded_up, starting_policy
from inspector.policy.tables import policy_of_tables
from inspector.python.model import Startup
from inspector.sizes import parse_size
from inspector.torchbuild.model import Torch
from inspector.unknown import Absent, Importable, Unknown
from tests.effort import examples
from tests.policy.cases import IMAGE, PYTHON, installed
from tests.policy.test_properties import images

GOOD = replace(IMAGE, startup=Startup(argv=("a",), path=None, starts="yes"))
ABSENT = Torch(installed=False, importable=Importable.NO)
CPU = Torch(installed=True, importable=Importable.YES, version="2.6.0+cpu", build="cpu")
CUDA = Torch(installed=True, importable=Importable.YES, version="2.6.0+cu124", build="cuda", cuda="12.4")


def made(*looked: Looked, left_out: tuple[str, ...] = ()) -> tuple[str, dict[str, Any]]:
    text, _ = starting_policy(looked, left_out)
    return text, tomllib.loads(text)


def looked(*names: str, torch: Torch = CPU, **changes: Any) -> Looked:
    return Looked(names=names, facts=replace(GOOD, torch=torch, **changes))


def test_one_role_for_each_repository_with_what_is_true_of_all_its_images() -> None:
    newer = replace(CPU, version="2.7.1+cpu")
    _, raw = made(looked("team/api:1"), looked("team/api:2", torch=newer), looked("gpu:1", torch=CUDA))
    assert raw["roles"]["api"]["match"] == ["team/api:*"]
    assert raw["roles"]["api"]["torch-version"] == ">=2.6"
    assert raw["roles"]["api"]["forbid"] == ["nvidia-*", "triton"]
    assert raw["roles"]["gpu"]["cuda"] == ">=12.4,<13"
    assert "forbid" not in raw["roles"]["gpu"]


def test_one_role_for_each_answer_within_a_repository() -> None:
    _, raw = made(looked("api:1"), looked("api:2", torch=ABSENT), looked("other/api:1"))
    assert {name: role["match"] for name, role in raw["roles"].items()} == {
        "api-cpu": ["api:1"],
        "api-absent": ["api:2"],
        "api": ["other/api:*"],
    }


def test_an_image_without_a_python_is_ignored_and_one_that_can_t_be_read_is_told() -> None:
    text, raw = made(
        looked("api:1"),
        looked("db:1", torch=ABSENT, interpreter=Absent("no python")),
        Looked(names=("lost:1",), error="no such\nimage"),
        left_out=("an older one",),
    )
    assert raw["ignore"] == ["db:1"]
    assert list(raw["roles"]) == ["api"]
    assert "# lost:1: not read: no such\\nimage\n" in text
    assert "# an older one\n" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"torch": replace(CPU, importable="unknown")},
        {"torch": replace(CPU, importable=Importable.NO)},
        {"torch": replace(CPU, build="unknown")},
        {"torch": replace(CUDA, cuda=None)},
        {"torch": replace(CPU, version="2.7.0rc1")},
        {"torch": replace(CPU, version=None)},
        {"distributions": (installed("triton", "1"),)},
        {"distributions": Unknown("odd")},
        {"size": Size(None, None)},
        {"size": Size(None, None), "torch": ABSENT},
        {"interpreter": replace(PYTHON, version="3.11")},
    ],
)
def test_what_is_not_known_is_not_asked(changes: dict[str, Any]) -> None:
    each = Looked(names=("api:1",), facts=replace(GOOD, **{"torch": CPU, **changes}))
    text, raw = made(each)
    assert_passes([each], text)
    assert raw.get("roles", {}).get("api", {}).get("torch") in (None, "present", "cpu", "cuda", "absent")


def assert_passes(images_: list[Looked], text: str) -> None:
    """Every image that has a role passes in it; and none whose image could pass was left without one."""
    raw = tomllib.loads(text)
    if not raw.get("roles"):
        return
    policy = policy_of_tables(raw, "p")
    for each in images_:
        for name in each.names if each.facts else ():
            found = roles_for([name], policy)
            assert isinstance(found, tuple), name
            for _, role in found:
                assert each.facts is not None
                bad = [
                    one for one in judge(each.facts, role, image=name).findings if one.outcome in ("fail", "unknown")
                ]
                assert not bad or raw.get("ignore") or "# Left out:" in text, bad


NAMES = st.lists(
    st.sampled_from(
        [
            "api:1",
            "api:2",
            "team/api:1",
            "a.tar",
            'x"y:1',
            "a\nb:1",
            "[z]:1",
            "*:1",
            "\x7f:1",
            "é:1",
            "\U0001f600",
            "\ud800:1",
        ]
    )
    | st.text(max_size=20).filter(bool),
    min_size=1,
    max_size=3,
    unique=True,
)


@examples(150)
@given(st.lists(st.tuples(NAMES, images()), max_size=4), st.lists(st.text(max_size=30), max_size=2))
def test_any_images_make_a_policy_that_says_what_was_meant(
    given_: list[tuple[list[str], ImageFacts]], left_out: list[str]
) -> None:
    found = [Looked(names=tuple(names), facts=facts, reference=names[0]) for names, facts in given_]
    text, number = starting_policy(found, left_out)
    text.encode()
    raw = tomllib.loads(text)
    assert len(raw.get("roles", {})) == number
    assert set(raw) <= {"roles", "images", "ignore"}
    assert set(raw.get("images", [])) <= {each.reference for each in found}
    if not number:
        return
    policy = policy_of_tables(raw, "p")
    for role in policy.roles:
        for each in found:
            own = [
                name
                for name in each.names
                if [name] == [one for one, claimed in _claimed(name, policy) if claimed == role.name]
            ]
            for name in own if f"{name_told(each)}" not in text.partition("# Left out:")[2] else ():
                outcome = judge(each.facts, role, image=name).outcome if each.facts else "pass"
                assert outcome in ("pass", "warn"), (repository_in(name), role)


def _claimed(name: str, policy: Any) -> list[tuple[str, str]]:
    found = roles_for([name], policy)
    return [(one, role.name) for one, role in found] if isinstance(found, tuple) else []


def name_told(each: Looked) -> str:
    return _comment(each.names[0])[:20]


@given(st.text())
def test_texts_and_keys_are_read_as_they_were_meant(text: str) -> None:
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert tomllib.loads(f"[t]\n{_key(text)} = {_value([text])}") == {"t": {text: [text]}}
    assert tomllib.loads(f"# {_comment(text)}\na = 1") == {"a": 1}


@given(st.integers(0, 10**15))
def test_sizes_are_rounded_up_to_two_digits(count: int) -> None:
    assert count <= parse_size(rounded_up(count)) <= count * 1.1 + 1


def test_a_dockerfile_is_named_where_one_was_found() -> None:
    facts = replace(GOOD, torch=CPU)
    _, raw = made(Looked(names=("api:1",), facts=facts, dockerfile="deploy/Dockerfile"))
    assert raw["roles"]["api"]["dockerfile"] == "deploy/Dockerfile"
