"""Symbols and their versions: libraries replaced by others of the same name."""

from __future__ import annotations

from tests.lab.damaged.case import Cases

add = Cases("symbols", "cpu")

for kind in (
    "good", "weak", "hidden", "protected", "ifunc", "versioned", "hidden-version", "data", "local", "without-level",
    "sysv-hash", "needs-never-called", "needs-weak", "needs-data", "lazy", "bind-now", "gnu-unique", "symbolic",
    "constructor-only", "tls-large", "weak-only-elsewhere",
):  # fmt: skip
    add(f"libc10 made anew, {kind}", f"cp $D/c10/{kind}.so $L/libc10.so")
for name in ("libc10.so", "libtorch_cpu.so", "libshm.so", "libtorch_python.so", "libgomp.so.1", "libtorch_global_deps.so"):
    add(f"{name} a stub", f"cp $D/stub/{name} $L/{name}")
add("libtorch a stub", "cp $D/stub/libtorch.so $L/libtorch.so")
add("the extension a stub", "cp $D/stub/libtorch.so $T/$C")
add("libstdc++ a stub", "cp $D/stub/libstdc++.so.6 $U/libstdc++.so.6")
add("libstdc++ older", "rm $U/libstdc++.so.6 && cp $D/old/libstdc++.so.6 $U/")
add("libstdc++ with every version and no symbol", "rm $U/libstdc++.so.6 && cp $D/empty/libstdc++.so.6 $U/")
add("libgcc_s a stub", "cp $D/stub/libgcc_s.so.1 $U/libgcc_s.so.1")
add("libz a stub", "rm $U/libz.so.1 && cp $D/stub/libz.so.1 $U/libz.so.1")
add("libffi a stub", "rm $U/libffi.so.8 && cp $D/stub/libffi.so.8 $U/libffi.so.8")
add("libtorch_cpu's versions cleared", "$D/patchelf --clear-symbol-version GOMP_parallel $L/libtorch_cpu.so")
add("libgomp without versions, symbols there", "cp $D/unversioned/libgomp.so.1 $L/libgomp.so.1")
add("libgomp without versions, needed by no version", "cp $D/unversioned/libgomp.so.1 $L/libgomp.so.1 && for f in $L/libtorch_cpu.so; do $D/patchelf --clear-symbol-version GOMP_parallel --clear-symbol-version omp_get_num_threads --clear-symbol-version omp_get_thread_num $f; done")
add("libgomp of an older version", "cp $D/old/libgomp.so.1 $L/libgomp.so.1")
add("a function preloaded that libc10 lacks", "cp $D/c10/without-level.so $L/libc10.so && cp $D/preload/liblevel.so /opt/", "ENV LD_PRELOAD=/opt/liblevel.so")
add("a function that libc10 lacks in another loaded library", "cp $D/c10/without-level.so $L/libc10.so && cp $D/preload/liblevel.so $L/ && $D/patchelf --add-needed liblevel.so $L/libtorch_python.so")
add("a function that libc10 lacks in global_deps", "cp $D/c10/without-level.so $L/libc10.so && cp $D/preload/liblevel.so $L/ && $D/patchelf --add-needed liblevel.so $L/libtorch_global_deps.so")
add("a function that libc10 lacks in a module imported before", "cp $D/c10/without-level.so $L/libc10.so && cp $D/preload/liblevel.so $L/ && sed -i '1i import _level' $T/__init__.py && cp $D/ext/_level.so $S/_level.so")
add("a function that libc10 lacks, loaded locally before", "cp $D/c10/without-level.so $L/libc10.so && cp $D/preload/liblevel.so $L/ && sed -i '/^USE_GLOBAL/a ctypes.CDLL(os.path.join(os.path.dirname(__file__), \"lib\", \"liblevel.so\"))' $T/__init__.py")
add("libc10 loaded before from another folder", "mkdir /opt/x && mv $L/libc10.so /opt/x/ && sed -i '/^USE_GLOBAL/a ctypes.CDLL(\"/opt/x/libc10.so\")' $T/__init__.py")
add("lazily bound, undefined and never called", "cp $D/c10/needs-never-called.so $L/libc10.so", "ENV TORCH_USE_RTLD_GLOBAL=1")
add("bound at once by its own flag", "cp $D/c10/bind-now.so $L/libc10.so && $D/patchelf --add-needed libm.so.6 $L/libc10.so", "ENV TORCH_USE_RTLD_GLOBAL=1")
add("mkl: not on the loader's path", on="mkl")
add("mkl: in the folder of torch", "cp $D/good/libmkl_intel_lp64.so.2 $L/", on="mkl")
add("mkl: a stub", "cp $D/stub/libmkl_intel_lp64.so.2 $L/", on="mkl")
add("mkl: in /usr/local/lib, ldconfig not run", "cp $D/good/libmkl_intel_lp64.so.2 /usr/local/lib/", on="mkl")
add("mkl: in /usr/local/lib, ldconfig run", "cp $D/good/libmkl_intel_lp64.so.2 /usr/local/lib/ && ldconfig", on="mkl")
add("mkl: in sys.prefix/lib as pip installs it", "mkdir -p /opt/env/lib && cp $D/good/libmkl_intel_lp64.so.2 /opt/env/lib/", on="mkl")
add("mkl: preloaded", "cp $D/good/libmkl_intel_lp64.so.2 /opt/", "ENV LD_PRELOAD=/opt/libmkl_intel_lp64.so.2", on="mkl")
add("ijit: its library gone", on="ijit")
add("ijit: without the function", "cp $D/stub/libmkl_core.so.2 $U/", on="ijit")
add("ijit: with the function", "cp $D/good/libmkl_core.so.2 $U/", on="ijit")
add("ijit: without the function, preloaded by another", "cp $D/stub/libmkl_core.so.2 $U/ && cp $D/preload/libijit.so /opt/", "ENV LD_PRELOAD=/opt/libijit.so", on="ijit")
add("ijit: without the function, lazily", "cp $D/stub/libmkl_core.so.2 $U/", "ENV TORCH_USE_RTLD_GLOBAL=1", on="ijit")
add("gomp: none bundled", on="gomp")
add("gomp: in the system", "cp $D/good/libgomp.so.1 $U/", on="gomp")
add("gomp: in the system, for another machine", "cp $D/good/libgomp.so.1 $U/ && $D/elf poke $U/libgomp.so.1 18 b700", on="gomp")
add("gomp: in a folder of LD_LIBRARY_PATH", "mkdir /opt/x && cp $D/good/libgomp.so.1 /opt/x/", "ENV LD_LIBRARY_PATH=/opt/x", on="gomp")
add("glibcxx: of later", on="glibcxx")
add("glibcxx: of later, the function preloaded", "cp $D/preload/libstreams.so /opt/", "ENV LD_PRELOAD=/opt/libstreams.so", on="glibcxx")
add("glibcxx: the later one bundled", "cp $D/later/libstdc++.so.6 $L/", on="glibcxx")
add("glibcxx: the version made weak", "$D/elf weaken $L/libtorch_python.so GLIBCXX_3.4.32", on="glibcxx")
