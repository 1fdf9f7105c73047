"""What public bug reports met, and more of each kind: one list for each report."""

from __future__ import annotations

from tests.lab.damaged.case import Cases

add = Cases("kind", "cpu")
