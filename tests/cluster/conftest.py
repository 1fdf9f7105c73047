"""What these tests share with those of the pipeline."""

from __future__ import annotations

from tests.pipeline.conftest import fake

__all__ = ["fake"]
