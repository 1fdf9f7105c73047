"""Partial inspection: facts from single files of a created container, asked for by name through the archive API.

Such facts rest on files alone: a torch is found where it stands, and is proved absent by listing the folders that it
could be in. What would take a listing of torch's folders, or a library's bytes, is not asked; `inspection` says so.
"""

from __future__ import annotations

from inspector.facts.partial.inspection import inspect_partially

__all__ = ["inspect_partially"]
