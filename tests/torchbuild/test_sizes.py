"""What torch costs, alone and with its stack."""

from __future__ import annotations

from fixtures.nvidia import nvidia
from fixtures.torches import torch_cpu, torch_cuda, torch_needs
from fixtures.wheels import Wheel, install, pure
from inspector.testing.tree import Member
from tests.torchbuild.asking import SITE, ask, slim, total, without

CPU = torch_cpu()


def stack(*wheels: Wheel) -> int:
    return total(install(SITE, *wheels))


def test_torch_alone_is_what_its_wheel_brought() -> None:
    torch = ask(slim(CPU)).torch
    assert torch.size == total(CPU.installed(SITE))


def test_what_its_directories_gained_since_counts() -> None:
    more: dict[str, Member] = {f"{SITE}/torch/lib/extra.so": bytes(1000), f"{SITE}/torch.libs/libgomp.so": bytes(10)}
    assert ask(slim(CPU) | more).torch.size == total(CPU.installed(SITE)) + 1010


def test_without_a_list_of_files_its_directories_count() -> None:
    tree = without(slim(CPU), f"{SITE}/torch-2.13.0+cpu.dist-info")
    answer = ask(tree)
    assert answer.torch.size == total({path: tree[path] for path in tree if "torch" in path and "/bin/" not in path})
    assert (answer.torch.stack_size, answer.torch.distribution_version) == (None, None)


def test_the_stack_is_what_only_torch_requires() -> None:
    alone = ask(slim(CPU)).torch
    assert alone.stack_size == stack(CPU, *torch_needs())
    web = pure("web", "1", "Jinja2", "typing-extensions>=4")
    shared = {"Jinja2", "MarkupSafe", "typing_extensions"}
    own = [wheel for wheel in torch_needs() if wheel.name not in shared]
    assert ask(slim(CPU, web)).torch.stack_size == stack(CPU, *own)


def test_what_requires_torch_does_not_share_torch_s_requirements() -> None:
    vision = pure("torchvision", "0.20", "torch", "pillow")
    assert ask(slim(CPU, vision, pure("pillow", "2.0"))).torch.stack_size == stack(CPU, *torch_needs())


def test_cuda_s_libraries_belong_to_the_stack_by_way_of_the_toolkit() -> None:
    torch = ask(slim(torch_cuda(), *nvidia())).torch
    assert torch.stack_size == stack(torch_cuda(), *torch_needs(), *nvidia())


def test_what_is_required_but_not_installed_costs_nothing() -> None:
    typing = torch_needs()[0]
    assert ask(slim(typing, CPU, needs=False)).torch.stack_size == stack(typing, CPU)
