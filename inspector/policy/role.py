"""What a policy says, as values: already checked, nothing left to go wrong but the image."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from inspector.oci import Platform
from inspector.policy.selection import ALL, Checks
from inspector.policy.setting import Declared, Setting

if TYPE_CHECKING:
    from inspector.gpu.hosts import Host

T = TypeVar("T")
TorchRule = str
"""`absent`, the name of a kind of build, or one of `ANY_BUILD`."""
ANY_BUILD = ("present", "any")
"""Words for torch of whichever build; the second is the older one."""
CudaRuntime = Literal["demand", "report"]
"""Demand a GPU that can be used, which only a run on a GPU host can tell; or report what a run found."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes above which there is a warning, or a failure; None where there is no limit."""

    warn: int | None = None
    most: int | None = None


class Fleet(msgspec.Struct, frozen=True):
    """The hosts that images of a role are to work on."""

    name: str
    hosts: tuple[Host, ...]


class Role:
    """One deployment role: what every role has, and `stated`, the values of its rules by the names of their settings.

    `Role(name="api", torch="absent")` states one of them, `role[TORCH]` reads it. `match` are globs over the names
    an image goes by; the role that is the `default` has the images that no role claims. `rules` are checked beside the
    built-in ones, and of all, `checks` says which count. `procedure` marks a role of the procedure's JSON, `folder` is
    that of the policy file.
    """

    name: str
    description: str
    match: tuple[str, ...]
    dockerfile: str | None
    python_command: str
    platform: Platform | None
    default: bool
    stated: Mapping[str, Any]
    rules: tuple[Declared, ...]
    checks: Checks
    procedure: bool
    folder: str | None

    def __init__(  # noqa: PLR0913 - the keys of a role, all by name
        self,
        *,
        name: str,
        description: str = "",
        match: tuple[str, ...] = (),
        dockerfile: str | None = None,
        python_command: str = "python",
        platform: Platform | None = None,
        default: bool = False,
        rules: tuple[Declared, ...] = (),
        checks: Checks = ALL,
        procedure: bool = False,
        folder: str | None = None,
        **stated: Any,
    ) -> None:
        """State the values of rules by the names of their settings, as in `torch_elsewhere="forbid"`."""
        own = locals()
        vars(self).update((each, own[each]) for each in self.own())

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name!r} of a role can't be set; `replaced` makes another role")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Role) and {**vars(self), "folder": None} == {**vars(other), "folder": None}

    __hash__ = None  # type: ignore[assignment]  # what is stated has no hash

    def __repr__(self) -> str:
        return f"Role({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __getitem__(self, setting: Setting[T]) -> T:
        """Read the value of a rule's setting; its default where the role doesn't state it."""
        value: T = self.stated.get(setting.name, setting.default)
        return value

    @classmethod
    def own(cls) -> list[str]:
        """List what every role has, whatever its rules."""
        return list(cls.__annotations__)

    def replaced(self, **changes: Any) -> Role:
        """Copy the role with other values, of its own or of rules: `role.replaced(python_command="python3")`."""
        own = {each: getattr(self, each) for each in self.own() if each != "stated"}
        return Role(**{**own, **self.stated, **changes})

    def states(self, rule: Declared) -> bool:
        """Tell whether the role asks anything of its own of a rule."""
        return any(self[setting] != setting.default for setting in rule.settings)


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """Findings that are let pass up to the day `expires`: of one check, in these roles, of these images' names.

    `images` and `subject` are globs; `subject` is over what a finding names, None takes every one.
    """

    check: str
    reason: str
    expires: dt.date
    roles: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    subject: str | None = None


class Listed(msgspec.Struct, frozen=True):
    """An image that the policy itself names: a reference as one would type it, and its role if that is stated."""

    reference: str
    role: str | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """All roles, in the file's order, and the images to read when none is asked for.

    `origin` names the file. Where `exhaustive`, each role stands for one image that must be found. `trust_toc` are the
    registries whose layers' tables of contents are believed without reading the layers. `ignore` are globs over the
    names of images that are left out. `waivers` say which findings are let pass for a time.
    """

    origin: str = "policy"
    roles: tuple[Role, ...]
    images: tuple[Listed, ...] = ()
    exhaustive: bool = False
    trust_toc: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    def role(self, name: str) -> Role | None:
        """Return the role of that name."""
        return next((role for role in self.roles if role.name == name), None)
