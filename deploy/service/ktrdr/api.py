"""The API: takes jobs and tells what came of them. It imports no torch, and its image holds none."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, Field

from ktrdr.queue import Queue

app = FastAPI(title="ktrdr")
TheQueue = Annotated[Queue, Depends(Queue)]


class Series(BaseModel):
    """Prices at equal distances in time."""

    values: list[float] = Field(min_length=2, max_length=100_000)


@app.get("/health")
def health() -> dict[str, str]:
    """Say that the API is up."""
    return {"status": "ok"}


@app.post("/jobs", status_code=202)
def put_job(series: Series, queue: TheQueue) -> dict[str, str]:
    """Queue a series for a worker."""
    return {"id": queue.put(series.values)}


@app.get("/jobs/{job}")
def get_job(job: UUID, queue: TheQueue) -> dict[str, Any]:
    """Tell a job's state, and its result once it is done."""
    state = queue.state(job.hex)
    if state is None:
        raise HTTPException(404, "no such job")
    return {"state": state, "result": queue.result(job.hex) if state == "done" else None}
