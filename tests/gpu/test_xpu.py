"""Torch for Intel's GPUs: what the image has to bring, and no prediction that says more than is known."""

from __future__ import annotations

from inspector.gpu.hosts import Host
from inspector.gpu.image import ImageGpu
from inspector.gpu.predict import predict
from inspector.gpu.serves import serves
from inspector.gpu.xpu import LIBRARIES, missing_libraries
from tests.support import rootfs_of

BARE = ImageGpu(build="xpu", missing=LIBRARIES)
WHOLE = ImageGpu(build="xpu")


def test_the_drivers_libraries_are_in_the_image_or_missing() -> None:
    folder = "usr/lib/x86_64-linux-gnu"
    assert missing_libraries(rootfs_of({})) == LIBRARIES
    assert missing_libraries(rootfs_of({f"{folder}/{LIBRARIES[0]}": b""})) == LIBRARIES[1:]
    assert missing_libraries(rootfs_of({f"{folder}/{name}": b"" for name in LIBRARIES})) == ()


def test_nothing_works_for_certain() -> None:
    hiding = ImageGpu(build="xpu", environment={"ZE_AFFINITY_MASK": "1"})
    reasons = []
    for image in (BARE, WHOLE, hiding):
        (found,) = predict(image, Host(name="host", driver="1", gpus=("Arc B580",), injection="cdi"))
        assert found.verdict == "unknown"
        reasons.append(found.by_mode["cdi"].reason)
    assert "libze_intel_gpu.so.1" in reasons[0]
    assert "not known" in reasons[1]
    assert "ZE_AFFINITY_MASK='1'" in reasons[2]


def test_the_line() -> None:
    assert serves(WHOLE) == "XPU: Intel's GPUs, by the driver in the image"
    assert "libze_loader.so.1, libze_intel_gpu.so.1" in str(serves(BARE))
