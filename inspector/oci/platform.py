"""What an image runs on: operating system, machine and variant, in Go's names."""

from __future__ import annotations

import msgspec

_MACHINES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386"}
_WITH_VARIANT = {"armhf": ("arm", "v7"), "armel": ("arm", "v6")}


class Platform(msgspec.Struct, frozen=True, rename={"os_version": "os.version"}, omit_defaults=True):
    """Operating system and machine, in Go's names; `unknown/unknown` marks what is no image."""

    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Return `os/arch[/variant]` as on a command line. Raises `ValueError`."""
        parts = text.lower().split("/")
        if not 2 <= len(parts) <= 3 or not all(parts):
            raise ValueError(f"{text!r} is no platform: write os/arch or os/arch/variant, as in linux/arm64")
        return cls(*parts).normal()

    def normal(self) -> Platform:
        """Return the same platform in the one spelling used for comparison: `arm64/v8` is `arm64`, `arm` is `arm/v7`.

        Case counts for nothing, and other names of a machine are replaced, as in containerd's `platforms.Normalize`.
        """
        os, arch, variant = self.os.lower(), self.architecture.lower(), self.variant.lower()
        arch, variant = _WITH_VARIANT.get(arch, (_MACHINES.get(arch, arch), variant))
        if arch == "386" or (arch, variant) in {("arm64", "v8"), ("arm64", "8"), ("amd64", "v1")}:
            variant = ""
        elif arch == "arm":
            variant = f"v{variant.removeprefix('v')}" if variant else "v7"
        return Platform({"macos": "darwin"}.get(os, os), arch, variant, self.os_version)
