"""Owners and modes, with another user than root."""

from __future__ import annotations

from tests.lab.damaged.case import Cases

add = Cases("rights", "cpu")
ANY, OWN = "USER 1000", "USER 1000:1000"

add("another user, nothing closed", "", OWN)
for what, path in (
    ("libc10", "$L/libc10.so"),
    ("the extension", "$T/$C"),
    ("libtorch_global_deps", "$L/libtorch_global_deps.so"),
    ("bundled libgomp", "$L/libgomp.so.1"),
    ("libstdc++", "$U/libstdc++.so.6.0.30"),
    ("libpython", "/usr/local/lib/libpython3.11.so.1.0"),
):
    add(f"{what} of root, 0600", f"chmod 600 {path}", OWN)
add("libc10 of root, 0600, run by root", "chmod 600 $L/libc10.so")
add("libc10 of root, 0000, run by root", "chmod 0 $L/libc10.so")
add("libc10 of the user, 0600", "chmod 600 $L/libc10.so && chown 1000 $L/libc10.so", OWN)
add("libc10 of the user, 0066", "chmod 066 $L/libc10.so && chown 1000 $L/libc10.so", OWN)
add("libc10 of the group, 0640", "chmod 640 $L/libc10.so && chown 0:1000 $L/libc10.so", OWN)
add("libc10 of root's group, 0640, a user of no group", "chmod 640 $L/libc10.so", ANY)
add("libc10 of root's group, 0640, a user of a group", "chmod 640 $L/libc10.so", OWN)
add("libc10 of the group, 0604", "chmod 604 $L/libc10.so && chown 0:1000 $L/libc10.so", OWN)
add("libc10 of a group that the user is in", "groupadd -g 2000 media && useradd -m -u 1000 -G media app && chmod 640 $L/libc10.so && chown 0:2000 $L/libc10.so", "USER app")
add("libc10 of a group that the user is in, the group given", "groupadd -g 2000 media && useradd -m -u 1000 -G media app && chmod 640 $L/libc10.so && chown 0:2000 $L/libc10.so", "USER app:app")
add("libgomp closed, a good one in the system", "chmod 600 $L/libgomp.so.1 && cp $D/good/libgomp.so.1 $U/", OWN)
add("a stub of libgomp on LD_LIBRARY_PATH, closed", "mkdir /opt/x && cp $D/stub/libgomp.so.1 /opt/x/ && chmod 600 /opt/x/libgomp.so.1", OWN, "ENV LD_LIBRARY_PATH=/opt/x")
add("a stub of libgomp on LD_LIBRARY_PATH, in a closed folder", "mkdir /opt/x && cp $D/stub/libgomp.so.1 /opt/x/ && chmod 700 /opt/x", OWN, "ENV LD_LIBRARY_PATH=/opt/x")
add("torch/lib 0700", "chmod 700 $L", OWN)
add("torch/lib 0711", "chmod 711 $L", OWN)
add("torch/lib 0744", "chmod 744 $L", OWN)
add("torch 0700", "chmod 700 $T", OWN)
add("torch 0711", "chmod 711 $T", OWN)
add("site-packages 0700", "chmod 700 $S", OWN)
add("site-packages 0700 of the user", "chown 1000 $S && chmod 700 $S", OWN)
add("a package of torch 0700", "chmod 700 $T/nn", OWN)
add("a package that is not imported 0700", "chmod 700 $T/onnx", OWN)
add("torch's __init__ 0600", "chmod 600 $T/__init__.py", OWN)
add("torch's __init__ 0600, no bytecode", "chmod 600 $T/__init__.py && rm -rf $T/__pycache__", OWN)
add("torch's version.py 0600", "chmod 600 $T/version.py", OWN)
add("torch's version.py 0600, its bytecode too", "chmod 600 $T/version.py $T/__pycache__/version.*.pyc", OWN)
add("torch's bytecode closed", "chmod 700 $T/__pycache__", OWN)
add("METADATA closed", "chmod 600 torch-*.dist-info/*", OWN)
add("typing_extensions 0600, no bytecode", "chmod 600 typing_extensions.py && rm -rf __pycache__", OWN)
add("lib-dynload 0700", "chmod 700 $P/lib-dynload", OWN)
add("_ctypes 0600", "chmod 600 $P/lib-dynload/_ctypes.*", OWN)
add("_hashlib 0600", "chmod 600 $P/lib-dynload/_hashlib.*", OWN)
add("the standard library 0700", "chmod 700 $P", OWN)
add("ld.so.cache 0600", "chmod 600 /etc/ld.so.cache", OWN)
add("the program without x bits", "chmod 644 /usr/local/bin/python3.11", OWN)
add("the program 0700", "chmod 700 /usr/local/bin/python3.11", OWN)
add("the program 0711", "chmod 711 /usr/local/bin/python3.11", OWN)
add("the program's folder 0700", "chmod 700 /usr/local/bin", OWN)
add("the loader without x bits", "chmod 644 $U/ld-linux-x86-64.so.2")
add("site-packages in root's home", "chmod 700 /root && mv $S /root/site && ln -s /root/site $S", OWN)
add("an environment in root's home first in PATH", "python -m venv --without-pip --system-site-packages /root/env && chmod 700 /root", OWN, "ENV PATH=/root/env/bin:/usr/local/bin:/usr/bin:/bin")
add("libc10 linked into a closed folder", "mkdir /opt/x && mv $L/libc10.so /opt/x/ && ln -s /opt/x/libc10.so $L/ && chmod 700 /opt/x", OWN)
SECURE = "mkdir /opt/x && mv $U/libstdc++.so.6* /opt/x/ && chown 1001 /usr/local/bin/python3.11 &&"
add("the program setuid, LD_LIBRARY_PATH needed", f"{SECURE} chmod 4755 /usr/local/bin/python3.11", OWN, "ENV LD_LIBRARY_PATH=/opt/x")
add("the program setuid of its own user, LD_LIBRARY_PATH needed", f"{SECURE} chmod 4755 /usr/local/bin/python3.11", "USER 1001:1001", "ENV LD_LIBRARY_PATH=/opt/x")
add("the program of another user, LD_LIBRARY_PATH needed", f"{SECURE} chmod 755 /usr/local/bin/python3.11", OWN, "ENV LD_LIBRARY_PATH=/opt/x")
add("the program setgid, LD_PRELOAD of a stub", "cp $D/stub/libgomp.so.1 /opt/ && chmod 2755 /usr/local/bin/python3.11", OWN, "ENV LD_PRELOAD=/opt/libgomp.so.1")
add("a user that is not in passwd", "", "USER nobody-of-that-name")
