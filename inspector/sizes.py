"""Amounts of bytes as people write them: `1.5 GB` is 10^9 bytes times 1.5, `1 GiB` is 2^30."""

from __future__ import annotations

import re
from decimal import Decimal

UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
SHOWN_UNITS = ("B", "kB", "MB", "GB", "TB")
_FORM = r"(?a)([0-9]{1,15}(?:\.[0-9]{1,6})?)[ _]?([A-Za-z]{1,3})"
_BY_LOWER = {unit.lower(): factor for unit, factor in UNITS.items()}
_BY_LOWER |= {unit[0].lower(): UNITS[unit] for unit in ("kB", "MB", "GB", "TB")}


def parse_size(text: str) -> int:
    """Read a size as bytes, rounded down. The unit must be there, in any case; `G` is `GB`. Raises `ValueError`."""
    form = re.fullmatch(_FORM, text.strip())
    factor = _BY_LOWER.get(form[2].lower()) if form else None
    if form is None or factor is None:
        raise ValueError(f"{text!r} is not a size: write a number and one of {', '.join(UNITS)}, as in '1.5 GB'")
    return int(Decimal(form[1]) * factor)


def show_size(count: int) -> str:
    """Return `count` bytes in decimal units and three digits, as `docker images` shows them: `699 MB`, `1.14 GB`."""
    amount = Decimal(count)
    unit = next(unit for unit in SHOWN_UNITS if abs(count) < Decimal("999.5") * UNITS[unit] or unit == "TB")
    amount /= UNITS[unit]
    if unit == "B":
        return f"{count} B"
    digits = 2 if amount < Decimal("9.995") else 1 if amount < Decimal("99.95") else 0
    return f"{amount:.{digits}f} {unit}"
