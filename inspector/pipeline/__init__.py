"""From names to facts and verdicts, of single images and of whole registries.

names -> open -> plan -> layer indexes -> facts -> verdicts

- `model`: the values that pass through: `Asked`, `Opened`, `Job`, `Seen`, `Target`, and `Progress`
- `listed`, `reading`, `access`, `shared`: names from a policy; images opened and read, each shared layer once
- `ahead`: a large layer is read by a copy of this process, while this one reads the others
- `facts`, `runtime`, `verdicts`: `survey` and `inspect`; `run`; `check`
- `roles`, `judging`: the role that an image is in, and the verdict, for `check` and `audit` alike
- `earlier`: what `check` compares images with
- `audit`: the same with its plan on disk (`work_queue`, `pending`), of repositories (`scopes`) whose tags are
  listed (`listing`, `resolve`, `fitting`) within bounds (`budget`); `executor` reads layers, `indexing` and
  `audited` judge

`cluster` and `watch` stand on `audit`, `executor`, `model`, `roles` and `scopes`, as any other program may.
"""

from __future__ import annotations

from inspector.pipeline.facts import inspect, survey
from inspector.pipeline.model import Options, Progress, Seen
from inspector.pipeline.verdicts import check

__all__ = ["Options", "Progress", "Seen", "check", "inspect", "survey"]
