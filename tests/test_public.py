"""What `import inspector` offers, used as its docstring shows."""

from __future__ import annotations

from pathlib import Path

import pytest

import inspector
from fixtures.__main__ import write_all


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = tmp_path_factory.mktemp("roles")
    write_all(made)
    return str(made)


def test_the_examples_of_the_docstring(folder: str) -> None:
    facts = inspector.inspect(f"docker-archive:{folder}/backend-prod.tar")
    assert isinstance(facts, inspector.ImageFacts)
    assert facts.torch.importable == "no"
    policy = inspector.load_policy(f"{folder}/roles.toml")
    assert policy == inspector.load_policy(Path(folder, "roles.toml"))
    report = inspector.check([f"docker-archive:{folder}/backend-prod.tar"], policy)
    assert (report.outcome, report.results[0].role) == ("pass", "api")


@pytest.mark.parametrize("reference", ["none.tar", "oci:", ""])
def test_what_goes_wrong_is_of_one_kind(reference: str) -> None:
    with pytest.raises(inspector.InspectorError):
        inspector.inspect(reference)


def test_every_public_name_is_there() -> None:
    assert {name for name in inspector.__all__ if getattr(inspector, name) is not None} == set(inspector.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = inspector.nonsense
