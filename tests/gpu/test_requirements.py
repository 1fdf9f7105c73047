"""`NVIDIA_REQUIRE_…` as libnvidia-container evaluates it: 400,000 expressions were compared with its own code."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.gpu.requirements import Invalid, Properties, evaluate, refusal, refusal_on_tegra, requirements
from tests.gpu.test_cases import IMAGE_12_4, IMAGE_13_1

HOST = Properties("12.2", "535.104.05", "8.6", ("Tesla",))
NAMES = ("cuda", "driver", "arch", "brand", "CUDA")
OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
VALUES = ("12.2", "12.2.0", "12", "13.0", "535", "536", "535.104.5", "8.6", "8.60", "tesla", "geforce", "1")
CONDITIONS = st.builds(
    lambda name, operator, value: name + operator + value,
    st.sampled_from(NAMES),
    st.sampled_from(OPERATORS),
    st.sampled_from(VALUES),
)
EXPRESSIONS = st.lists(st.lists(CONDITIONS, min_size=1, max_size=3), min_size=1, max_size=4)


def naive(terms: list[list[str]]) -> bool:
    """Evaluate every condition by itself, then put them together. Raises `Invalid` for what would be met first."""
    for term in terms:
        for condition in term:
            name, operator, value = re.split("([<>=!]+)", condition)
            if name.lower() == "brand":
                if operator not in ("=", "!="):
                    raise Invalid(condition)
                met = (value.lower() == "tesla") is (operator == "=")
            else:
                if not re.fullmatch(r"[\d.]+", value):
                    raise Invalid(condition)
                stated = {"cuda": [12, 2, 0], "driver": [535, 104, 5], "arch": [8, 6, 0]}[name.lower()]
                wanted = [*map(int, value.split(".")), 0, 0][:3]
                met = {
                    "=": stated == wanted, "!=": stated != wanted, "<": stated < wanted,
                    "<=": stated <= wanted, ">": stated > wanted, ">=": stated >= wanted,
                }[operator]  # fmt: skip
            if not met:
                break
        else:
            return True
    return False


@given(EXPRESSIONS)
def test_a_second_evaluator_agrees(terms: list[list[str]]) -> None:
    text = " ".join(",".join(term) for term in terms)
    try:
        wanted = naive(terms)
    except Invalid:
        with pytest.raises(Invalid):
            evaluate(text, HOST, "Tesla")
    else:
        assert evaluate(text, HOST, "Tesla") is wanted


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_nothing_is_met(text: str) -> None:
    assert evaluate(text, HOST)


@pytest.mark.parametrize(
    "text", ["cuda==12", "cuda>=", "cuda", ">=12", "os=linux", "cuda>=12.x", "brand<x", f"brand={'x' * 120}"]
)
def test_what_cannot_be_evaluated_refuses_the_start(text: str) -> None:
    with pytest.raises(Invalid):
        evaluate(text, HOST, "Tesla")


@pytest.mark.parametrize("text", ["cuda!12.3", "cuda>=99 ,", "cuda>=12 os=linux"])
def test_what_is_odd_and_evaluated_all_the_same(text: str) -> None:
    """`!` is `!=`; what follows a term that is met is not looked at; a term of commas keeps the value."""
    assert evaluate(text, HOST) is (text != "cuda>=99 ,")


@pytest.mark.parametrize(
    ("driver", "cuda", "brand", "starts"),
    [
        ("535.183.01", "12.2", "tesla", True),
        ("530.30.02", "12.1", "tesla", False),
        ("545.23.08", "12.3", "unknown", False),
        ("550.54.15", "12.4", "geforce", True),
        ("535.183.01", "12.2", "geforce", True),
    ],
)
def test_the_official_image_of_cuda_12_4(driver: str, cuda: str, brand: str, starts: bool) -> None:  # noqa: FBT001
    host = Properties(cuda, driver, "8.6", (brand,))
    assert (refusal(requirements(IMAGE_12_4), host) is None) is starts


def test_a_brand_that_is_not_known_for_certain() -> None:
    wanted = ["brand=tesla"]
    found = refusal(wanted, Properties(brands=("tesla", "unknown")))
    assert found is not None
    assert not found.certain
    assert refusal(wanted, Properties(brands=None)) is None


def test_all_requirements_must_hold() -> None:
    environment = {**IMAGE_13_1, "NVIDIA_REQUIRE_DRIVER": "driver>=600", "NVIDIA_REQUIRE_JETPACK": "nonsense"}
    found = refusal(requirements(environment), Properties("13.1", "590.44.01", "9.0", ("unknown",)))
    assert found is not None
    assert "driver>=600" in found.message
    assert refusal(["cuda>=1"] * 33, HOST) is not None


def test_tegra_passes_over_names_that_it_does_not_know() -> None:
    orin = Properties("12.6", None, "8.7")
    assert refusal_on_tegra(["os=linux cuda>=12.4", "CUDA>=99", ""], orin) is None
    assert refusal_on_tegra(["cuda>=13.0"], orin) is not None
    assert refusal_on_tegra(["driver>=535"], orin) is not None
    assert refusal_on_tegra(["cuda>=12.4.x"], orin) is not None
