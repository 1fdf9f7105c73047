"""`python -m bench.floor HOST NAME TAG`: the least that reading an image from a registry can take.

Its layers are downloaded, several at once, inflated by isal, and hashed as stored and as unpacked; nothing else.
"""

from __future__ import annotations

import hashlib
import json
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from isal import isal_zlib

THREADS = 4
"""As many as an image's layers are read by."""
_CHUNK = 1 << 18
_GZIP = 31
_MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


def read(url: str) -> tuple[str, str]:
    """One layer: both its digests."""
    stored, unpacked, inflate = hashlib.sha256(), hashlib.sha256(), isal_zlib.decompressobj(wbits=_GZIP)
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - a registry of this machine
        while chunk := answer.read(_CHUNK):
            stored.update(chunk)
            unpacked.update(inflate.decompress(chunk))
    return stored.hexdigest(), unpacked.hexdigest()


def main() -> None:
    """Read the image that the command line names."""
    host, name, tag = sys.argv[1:]
    base = f"http://{host}/v2/{name}"
    asked = urllib.request.Request(f"{base}/manifests/{tag}", headers={"Accept": _MANIFESTS})  # noqa: S310 - as above
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - as above
        layers = json.load(answer)["layers"]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(read, [f"{base}/blobs/{layer['digest']}" for layer in layers]))
    if [f"sha256:{stored}" for stored, _ in found] != [layer["digest"] for layer in layers]:
        sys.exit("a blob is not what its digest says")


if __name__ == "__main__":
    main()
