"""The JSON form of a policy: the test data of the hand-run procedure, unchanged.

`{"images": [{"name", "dockerfile", "torch_expected", "cuda_expected", "description"}]}`, where each
`name` is a reference, and at once the role that this one image is checked against.
"""

from __future__ import annotations

from glob import escape
from pathlib import Path
from typing import Any, Literal

import msgspec

from inspector.policy.location import Faults, Location
from inspector.policy.role import CudaRuntime, Listed, Policy, Role, TorchRule
from inspector.policy.rule import Rule
from inspector.policy.rules.size import USUAL
from inspector.policy.steps import shorten
from inspector.policy.tables import MAX_SHOWN
from inspector.policy.values import reference

_HINTS = {
    "torch_expected": "allowed are true and false",
    "cuda_expected": "allowed are null, false, true and 'host_dependent'",
    "images": "a list of {name, dockerfile, torch_expected, cuda_expected, description}",
}
_Cuda = bool | Literal["host_dependent"] | None


class RoleTestImage(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One item of `images` as written."""

    name: str
    torch_expected: bool
    cuda_expected: _Cuda = None
    dockerfile: str | None = None
    description: str | None = None


class RoleTest(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file, its images still raw."""

    images: list[Any]


def policy_of_roletest(raw: Any, origin: str, rules: tuple[Rule, ...] = ()) -> Policy:
    """Return the policy that decoded JSON holds; `rules` are checked too.

    Raises `PolicyError` naming file, image and key.
    """
    location, faults = Location(origin), Faults(origin)
    listed = location.convert(raw, RoleTest, _HINTS).images
    if not listed:
        raise location.error("'images' is empty: there is nothing to check")
    roles: dict[str, Role] = {}
    for at, image in enumerate(listed):
        with faults.collected():
            role = _role(image, at, origin, rules)
            if role.name in roles:
                sentence = f"image {shorten(role.name, MAX_SHOWN)!r} is listed more than once"
                raise Location(origin, path=("images", at)).error(sentence)
            roles[role.name] = role
    faults.raise_all()
    images = tuple(Listed(role.name, role.name) for role in roles.values())
    return Policy(origin=origin, roles=tuple(roles.values()), images=images, exhaustive=True)


def _role(raw: Any, at: int, origin: str, rules: tuple[Rule, ...]) -> Role:
    path = ("images", at)
    image = Location(origin, f"images[{at}]", path).convert(raw, RoleTestImage, _HINTS)
    location = Location(origin, f"image {shorten(image.name, MAX_SHOWN)!r}", path)
    if not image.name.strip() or not image.name.isprintable():
        raise location.error("an image needs a name, as in 'ktrdr-backend:prod'", "name")
    location.check("name", reference, image.name)
    torch = _torch(image, location)
    role = Role(
        name=image.name,
        description=image.description or "",
        match=(escape(image.name),),
        dockerfile=image.dockerfile,
        torch=torch,
        cuda_runtime=_cuda_runtime(image.cuda_expected),
        rules=rules,
        procedure=True,
        folder=str(Path(origin).parent),
    )
    return role.replaced(size=USUAL) if torch == "absent" else role


def _torch(image: RoleTestImage, location: Location) -> TorchRule:
    if not image.torch_expected:
        if image.cuda_expected:
            raise location.error("asks for CUDA, which contradicts 'torch_expected': false", "cuda_expected")
        return "absent"
    if image.cuda_expected is None:
        return "present"
    return "cuda" if image.cuda_expected else "cpu"


def _cuda_runtime(expected: _Cuda) -> CudaRuntime | None:
    match expected:
        case True:
            return "demand"
        case "host_dependent":
            return "report"
        case _:
            return None
