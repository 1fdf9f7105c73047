"""What is made of the image's own command: its Python is checked too, and what it reaches counts."""

from __future__ import annotations

from msgspec.structs import replace

from inspector.facts.model import Command
from inspector.policy.judge import judge
from inspector.torchbuild.model import TorchElsewhere
from inspector.unknown import Unknown
from tests.policy.cases import CPU, CUDA, NO_TORCH, PYTHON, finding, findings, image, role

OTHER = replace(PYTHON, path="/opt/other/bin/python")
TORCH = TorchElsewhere(
    path="/opt/other/lib/torch", version="2.6.0", build="cpu", size=9, why_not_importable="not there"
)


def test_the_worse_counts_and_says_which() -> None:
    facts = image(CUDA, command=Command(interpreter=OTHER, python_differs=True, torch=CPU))
    result = judge(facts, role(torch="cuda"))
    assert result.outcome == "fail"
    first, second = findings(result, "torch-build")
    assert (first.outcome, second.outcome) == ("pass", "fail")
    assert second.message.startswith("the image's own command runs /opt/other/bin/python: ")


def test_a_python_that_the_role_names_is_checked_alone() -> None:
    facts = image(CUDA, command=Command(interpreter=OTHER, python_differs=True, torch=CPU))
    assert judge(facts, role(torch="cuda", python_command="/x/python")).outcome == "pass"


def test_what_would_check_the_command_alone_is_told() -> None:
    facts = image(NO_TORCH, command=Command(interpreter=OTHER, python_differs=True, torch=CPU))
    first, second = findings(judge(facts, role(torch="cpu")), "torch")
    assert (first.outcome, second.outcome) == ("fail", "pass")
    assert "--python /opt/other/bin/python" in first.advice


def test_torch_elsewhere_fails_where_the_command_reaches_it() -> None:
    facts = image(torch_elsewhere=(TORCH,), command=Command(reaches=(TORCH.path,)))
    assert finding(facts, role(torch="absent"), "torch-elsewhere").outcome == "fail"
    assert finding(facts, role(torch="absent", torch_elsewhere="allow"), "torch-elsewhere").outcome == "warn"
    assert finding(image(torch_elsewhere=(TORCH,)), role(torch="absent"), "torch-elsewhere").outcome == "warn"


def test_a_command_that_is_not_known_may_reach_it() -> None:
    facts = image(torch_elsewhere=(TORCH,), command=Command(interpreter=Unknown("a script")))
    assert finding(facts, role(torch="absent"), "torch-elsewhere").outcome == "unknown"
    assert finding(replace(facts, torch=CUDA), role(torch="cuda"), "command").outcome == "unknown"
    assert finding(replace(facts, torch=CPU), role(torch="cpu"), "command").outcome == "warn"
