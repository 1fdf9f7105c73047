"""Failures in the words of ld.so, and the exception that carries one out of the model's depth."""

from __future__ import annotations

import errno

from inspector.loader.model import LoadFailure

_WORDS = {
    errno.ENOENT: "No such file or directory",
    errno.EACCES: "Permission denied",
    errno.EPERM: "Operation not permitted",
    errno.ELOOP: "Too many levels of symbolic links",
    errno.ENOTDIR: "Not a directory",
    errno.EISDIR: "Is a directory",
    errno.ENAMETOOLONG: "File name too long",
}


class LoadStops(Exception):
    """A load that ends here; what is public catches it and returns its failure. No error of ours: it is an answer."""

    def __init__(self, failure: LoadFailure) -> None:
        super().__init__(failure.text)
        self.failure = failure


def words_of(number: int) -> str:
    """Return what glibc says for an error number of Linux, on whichever system this runs."""
    return _WORDS.get(number, f"error {number}")


def not_found(name: str, number: int, needed_by: str = "") -> LoadStops:
    """Return the failure of a search that ended with an error number, 0 where no file was looked for at all."""
    return LoadStops(
        LoadFailure(
            kind="denied" if number == errno.EACCES else "missing",
            object=name,
            text=f"{name}: cannot open shared object file" + (f": {words_of(number)}" if number else ""),
            needed_by=needed_by,
            library=name.rpartition("/")[2],
        )
    )


def bad_file(path: str, why: str, needed_by: str = "") -> LoadStops:
    """Return the failure of a file that no library can be."""
    return LoadStops(
        LoadFailure(
            kind="format",
            object=path,
            text=f"{path}: {why}",
            needed_by=needed_by,
            library=path.rpartition("/")[2],
        )
    )


def crashed(path: str, why: str, status: int) -> LoadStops:
    """Return that the process is killed by a signal, which `status` is 128 more than."""
    return LoadStops(
        LoadFailure(
            kind="crash",
            certainty="dies",
            object=path,
            text=f"{path}: {why}",
            library=path.rpartition("/")[2],
            status=status,
        )
    )


def unknown(path: str, why: str, needed_by: str = "") -> LoadStops:
    """Return that it can't be told whether a file loads."""
    return LoadStops(
        LoadFailure(
            kind="unknown",
            certainty="unknown",
            object=path,
            text=f"{path}: {why}",
            needed_by=needed_by,
            library=path.rpartition("/")[2],
        )
    )
