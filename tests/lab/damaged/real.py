"""The CPU worker's own torch, damaged."""

from __future__ import annotations

from tests.lab.damaged.case import Cases

add = Cases("worker", "real")
X = "mkdir /opt/x &&"
PATH_X = "ENV LD_LIBRARY_PATH=/opt/x"

add("nothing is damaged")
for name in ("libc10.so", "libtorch.so", "libshm.so", "libtorch_python.so", "libtorch_global_deps.so", "libgomp.so.1", "libtorch_cpu.so"):
    add(f"{name} removed", f"rm $L/{name}")
add("libraries of tests removed", "rm $L/libjitbackend_test.so $L/libtorchbind_test.so $L/libbackend_with_compiler.so $L/libaoti_custom_ops.so")
add("headers, tests' programs and package metadata removed", "rm -r $T/include $T/bin $T/share $T/test torch-*.dist-info")
add("folders named test and tests removed", "find . -depth -type d '(' -name test -o -name tests ')' -exec rm -rf {} +")
add("folders named testing removed", "find . -depth -type d -name testing -exec rm -rf {} +")
add("bytecode removed", "find torch -name __pycache__ -exec rm -rf {} +")
add("stubs removed", "find torch -name '*.pyi' -delete")
for name in ("_dynamo", "_inductor", "onnx", "distributed", "ao", "fx", "_prims_common", "_strobelight", "package", "jit", "export", "_numpy", "_vendor"):
    add(f"torch.{name} removed", f"rm -r $T/{name}")
for name in ("_tensor_docs.py", "_linalg_utils.py", "return_types.py", "quasirandom.py", "_weights_only_unpickler.py"):
    add(f"torch/{name} removed", f"rm $T/{name} && rm -f $T/__pycache__/{name.removesuffix('.py')}.*")
for name in ("sympy", "networkx", "jinja2", "fsspec", "filelock", "mpmath", "torchgen", "functorch", "typing_extensions.py", "setuptools"):
    add(f"{name} removed", f"rm -r {name}* && rm -f __pycache__/typing_ext*")
add("version.py edited", "sed -i 's/+cpu/+internal/' $T/version.py")
add("numpy there and broken", "mkdir numpy && echo 'from numpy import _core' > numpy/__init__.py")
add("libtorch_cpu cut in half", "$D/elf half $L/libtorch_cpu.so")
add("libtorch_cpu cut behind its last segment", "$D/elf cut $L/libtorch_cpu.so 0")
add("libtorch_python cut behind its last segment", "$D/elf cut $L/libtorch_python.so 0")
add("libtorch_python cut in half", "$D/elf half $L/libtorch_python.so")
add("libc10 stripped", "$D/strip --strip-unneeded $L/libc10.so $L/libshm.so $L/libtorch_global_deps.so $T/$C")
add("libtorch_python stripped", "$D/strip --strip-unneeded $L/libtorch_python.so")
add("libc10 of another machine", "$D/elf poke $L/libc10.so 18 b700")
add("libc10 a stub", "cp $D/stub/libc10.so $L/")
add("libshm a stub", "cp $D/stub/libshm.so $L/")
add("libtorch a stub", "cp $D/stub/libtorch.so $L/")
add("libtorch_python's RUNPATH removed", "$D/patchelf --remove-rpath $L/libtorch_python.so")
add("libc10 patched, tables moved", "$D/patchelf --add-needed libz.so.1 $L/libc10.so")
add("libc10 needs what is not there", "$D/patchelf --add-needed libnever.so.1 $L/libc10.so")
add("libtorch_python patched, tables moved", "$D/patchelf --set-rpath '$ORIGIN:/opt/a/long/path/that/has/to/go/elsewhere' $L/libtorch_python.so")
add("libtorch_python no longer names libtorch_cpu", "$D/patchelf --remove-needed libtorch_cpu.so $L/libtorch_python.so")
add("libstdc++ removed", "rm $U/libstdc++.so.6*")
add("libstdc++ older", "rm $U/libstdc++.so.6 && cp $D/old/libstdc++.so.6 $U/")
add("libgcc_s removed", "rm $U/libgcc_s.so.1")
add("libz removed", "rm $U/libz.so.1*")
add("libffi removed", "rm $U/libffi.so.8*")
add("libssl, libcrypto, libsqlite3, liblzma and libbz2 removed", "rm $U/libssl.so.3 $U/libcrypto.so.3 $U/libsqlite3.so.0* $U/liblzma.so.5* $U/libbz2.so.1*")
add("LD_LIBRARY_PATH with a good libgomp", f"{X} cp $D/good/libgomp.so.1 /opt/x/", PATH_X)
add("LD_LIBRARY_PATH with a libgomp cut in half", f"{X} cp $D/good/libgomp.so.1 /opt/x/ && $D/elf half /opt/x/libgomp.so.1", PATH_X)
add("LD_LIBRARY_PATH with a libgomp of another machine", f"{X} cp $D/good/libgomp.so.1 /opt/x/ && $D/elf poke /opt/x/libgomp.so.1 18 b700", PATH_X)
add("LD_LIBRARY_PATH with a stub of libgomp", f"{X} cp $D/stub/libgomp.so.1 /opt/x/", PATH_X)
add("LD_PRELOAD of a stub of libgomp", "cp $D/stub/libgomp.so.1 /opt/", "ENV LD_PRELOAD=/opt/libgomp.so.1")
add("TORCH_USE_RTLD_GLOBAL, libtorch_global_deps removed", "rm $L/libtorch_global_deps.so", "ENV TORCH_USE_RTLD_GLOBAL=1")
add("libc10 closed to the user", "chmod 600 $L/libc10.so")
add("libc10 of the user, 0600", "chmod 600 $L/libc10.so && chown 10001 $L/libc10.so")
add("torch/lib closed to the user", "chmod 700 $L")
add("ld.so.cache removed", "rm /etc/ld.so.cache")
add("the environment's link to Python dangles", "ln -sf /never/python3 /app/.venv/bin/python")
add("the environment's link to Python dangles, the others too", "rm /app/.venv/bin/python*")
add("the environment moved", "mv /app/.venv /opt/venv", "ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin")
add("pyvenv.cfg removed", "rm /app/.venv/pyvenv.cfg")
add("torch/lib moved and linked", "mv $L /opt/torchlib && ln -s /opt/torchlib $L")
