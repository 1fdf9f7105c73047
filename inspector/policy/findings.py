"""Making findings: message, category, advice and evidence, filled in for the image at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import InvalidReference
from inspector.facts import ImageFacts
from inspector.policy.advice import ADVICE, ROW_IN_CONTAINERD, ROW_IN_REGISTRY, ROW_OF_ERROR
from inspector.policy.comparison import Figures
from inspector.policy.model import Advice, ErrorFact, Finding, Outcome, Pointer, page_of
from inspector.policy.role import Role
from inspector.policy.steps import readable
from inspector.reference import Reference, Scheme, parse_reference
from inspector.sizes import show_size
from inspector.unknown import Unknown

if TYPE_CHECKING:
    from inspector.policy.installers import Installer

BY_HAND = "ask the image itself on a machine where it may run, with its own `python`"
"""What to do about a finding that files can't decide, where nothing better is known."""
CAME_WITH = "; it came with "
"""How the clause begins that names the build step at fault, at the end of an advice."""
NOWHERE = Pointer()
"""The place of a finding that is of the image as a whole."""


NO_PYTHON = Advice(
    "ENVIRONMENT",
    "The image build is broken: {dockerfile} must bring the interpreter, for the image's own platform, and put it "
    "on PATH",
)
NOT_LOOKED = Advice("EVIDENCE", "Have every layer read: `--access save` does")
RUN_SILENT = Advice("EVIDENCE", "Run it by hand: `{builder} run --rm --entrypoint {command} {image} -c 'import torch'`")


class Shown(msgspec.Struct, frozen=True):
    """What a summary shows of a finding: wanted and met."""

    expected: str = ""
    actual: str = ""


NOTHING_SHOWN = Shown()


class Earlier(msgspec.Struct, frozen=True):
    """What an image is compared with: its name for people, and its figures, or why they are not known."""

    name: str
    figures: Figures | Unknown
    is_baseline: bool = False


class Case(msgspec.Struct, frozen=True):
    """One image in one role, for one check: what a rule is given. `name` is what the image is called in advice.

    `earlier` are those that it is compared with.
    """

    facts: ImageFacts
    role: Role
    name: str
    check: str
    earlier: tuple[Earlier, ...] = ()
    subject: str | None = None

    def about(self, subject: str) -> Case:
        """Return the same case for findings about one package, path or module of several."""
        return msgspec.structs.replace(self, subject=subject)

    def passed(self, message: str, shown: Shown = NOTHING_SHOWN) -> Finding:
        """Return a finding that all is well."""
        return Finding(
            check=self.check,
            outcome="pass",
            message=message,
            expected=shown.expected,
            actual=shown.actual,
            subject=self.subject,
        )

    def found(
        self,
        outcome: Outcome,
        advice: Advice,
        message: str,
        shown: Shown,
        at: Pointer = NOWHERE,
        *,
        change: Callable[[Installer], str] | None = None,
    ) -> Finding:
        """Return a finding with its advice, filled in for this image.

        `change` puts what to change in an installer's words.
        """
        from inspector.policy.installers import UNKNOWN, UV, installer_of  # a pass needs none

        text, words = advice.text, advice_words(self.role, self.name, _builder(self.facts.source))
        words |= {"origin": self._origin(at), "wanted": shown.expected, "path": at.path or ""}
        words["before"] = self.earlier[0].name if self.earlier else ""
        installer = installer_of(self.facts, at)
        if self.role.procedure and advice.procedure and installer in (UV, UNKNOWN):
            text = advice.procedure
        elif change is not None:
            words["change"] = change(installer)
        return Finding(
            check=self.check,
            outcome=outcome,
            message=message,
            category=advice.category,
            expected=shown.expected,
            actual=shown.actual,
            advice=text.format_map(words),
            evidence=at,
            subject=self.subject,
        )

    def unknown(self, message: str, shown: Shown, how: str = BY_HAND) -> Finding:
        """Return a finding that it can't be told; `how` says what would tell."""
        return Finding(
            check=self.check,
            outcome="unknown",
            message=message,
            category="EVIDENCE",
            expected=shown.expected,
            actual=shown.actual,
            advice=f"Files can't tell: {how}",
            subject=self.subject,
        )

    def at(self, layer: int | None, *, path: str | None = None, size: int | None = None) -> Pointer:
        """Say where something was seen, with the digest and build step of its layer."""
        if layer is None or not 0 <= layer < len(self.facts.layers):
            return Pointer(path=path, bytes=size)
        facts = self.facts.layers[layer]
        return Pointer(path=path, layer=layer, diff_id=facts.diff_id, created_by=facts.created_by, bytes=size)

    def _origin(self, at: Pointer) -> str:
        """Give the clause that names the build step at fault, its layer counted from 1; empty where no layer is known.

        Where the layers were not read, it names the access method that reads them.
        """
        if at.layer is None:
            return "; `--access save` tells the build step that brought it" if self.facts.evidence.partial else ""
        size = [] if at.bytes is None else [show_size(at.bytes)]
        place = f"layer {at.layer + 1} of {len(self.facts.layers)}"
        step = readable(at.created_by)
        named = [f"the step `{step}`", place] if step else [place]
        about = ", ".join([*named[1:], *size])
        return f"{CAME_WITH}{named[0]}" + (f" ({about})" if about else "")


def advice_words(role: Role | None, image: str, builder: str = "docker") -> dict[str, str]:
    """List what advice may name: the role's Dockerfile, the command that builds the image, the `python` asked."""
    dockerfile = role.dockerfile if role else None
    option = f" -f {dockerfile}" if dockerfile else ""
    return {
        "dockerfile": dockerfile or "Dockerfile",
        "builder": builder,
        "build": f"{builder} build{option} -t {image} .",
        "image": image,
        "command": role.python_command if role else "python",
    }


def because(reasons: tuple[str, ...]) -> str:
    """Return the clause with the reasons; empty without any."""
    return f": {'; '.join(reasons)}" if reasons else ""


def role_finding(row: str, message: str) -> Finding:
    """Say why an image was checked against no role."""
    advice = ADVICE[row]
    return Finding(
        check="role",
        outcome="unknown",
        message=message,
        category=advice.category,
        advice=advice.text,
        page=page_of("role"),
    )


def _builder(source: str) -> str:
    """Return the program that builds images for such a source."""
    return "podman" if source == Scheme.PODMAN.value else "docker"


def _reference(image: str) -> Reference | None:
    try:
        return parse_reference(image)
    except InvalidReference:
        return None


def error_finding(error: ErrorFact, role: Role | None, image: str, *, in_registry: bool = False) -> Finding:
    """Say why nothing is known of an image, called as it was asked for, with what to do about that kind of error.

    `in_registry` says that a registry was asked, where the name alone doesn't.
    """
    reference = _reference(image)
    on_disk = reference is not None and reference.is_path_like()
    row = ROW_OF_ERROR.get(error.kind, "unreadable")
    if in_registry or (reference is not None and reference.scheme is Scheme.REGISTRY):
        row = ROW_IN_REGISTRY.get(row, row)
    elif reference is not None and reference.scheme is Scheme.CONTAINERD:
        row = ROW_IN_CONTAINERD.get(row, row)
    if row == "not-found":
        is_glob = any(sign in image for sign in "*?[")  # which no build can be called
        row = "misspelt" if error.near or is_glob else "no-file" if on_disk else row
    advice = ADVICE[row]
    name = reference.name if reference and not on_disk else image
    builder = _builder(reference.scheme.value if reference else "")
    return Finding(
        check="image",
        outcome="unknown",
        message=error.message,
        category=advice.category,
        advice=advice.text.format_map(advice_words(role, name, builder)),
        page=page_of("image"),
    )
