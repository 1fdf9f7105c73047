"""Headers, names and search paths of torch's libraries, changed by patchelf and by hand."""

from __future__ import annotations

from tests.lab.damaged.case import Cases

add = Cases("elf", "cpu")

for title, offset, value in (
    ("of another machine", 18, "b700"),
    ("of another class", 4, "01"),
    ("of the other byte order", 5, "02"),
    ("of an unknown OSABI", 7, "42"),
    ("of OSABI 3", 7, "03"),
    ("with another ABI version", 8, "07"),
    ("of ELF version 2", 6, "02"),
    ("an object file", 16, "0100"),
    ("a program", 16, "0200"),
    ("a core file", 16, "0400"),
    ("without magic", 0, "00"),
    ("with another size of program headers", 54, "2000"),
    ("without program headers", 56, "0000"),
    ("with wrong section headers", 40, "ffffffff"),
):
    add(f"libc10 {title}", f"$D/elf poke $L/libc10.so {offset} {value}")
add("the extension of another machine", "$D/elf poke $T/$C 18 b700")
add("libtorch_global_deps of another machine", "$D/elf poke $L/libtorch_global_deps.so 18 b700")
add("bundled libgomp of another machine", "$D/elf poke $L/libgomp.so.1 18 b700")
add(
    "bundled libgomp of another machine, a good one in the system",
    "$D/elf poke $L/libgomp.so.1 18 b700 && cp $D/good/libgomp.so.1 $U/",
)
add("bundled libgomp of 32 bits", "cp $D/m32/libgomp.so.1 $L/libgomp.so.1")
add("bundled libgomp of 32 bits, a good one in the system", "cp $D/m32/libgomp.so.1 $L/ && cp $D/good/libgomp.so.1 $U/")
add("bundled libgomp of text, a good one in the system", "echo text > $L/libgomp.so.1 && cp $D/good/libgomp.so.1 $U/")

add("libtorch_cpu without RUNPATH", "$D/patchelf --remove-rpath $L/libtorch_cpu.so")
add("all without RUNPATH", "for f in $L/*.so $T/$C; do $D/patchelf --remove-rpath $f; done")
add("the extension without RUNPATH", "$D/patchelf --remove-rpath $T/$C")
add("libtorch_python without RUNPATH", "$D/patchelf --remove-rpath $L/libtorch_python.so")
add("the extension's RUNPATH to nowhere", "$D/patchelf --set-rpath /nowhere $T/$C")
add("the extension's RUNPATH absolute", "$D/patchelf --set-rpath $L $T/$C")
add("the extension's RUNPATH with ${ORIGIN}", "$D/patchelf --set-rpath '${ORIGIN}/lib' $T/$C")
add("the extension's RUNPATH with an unknown token", "$D/patchelf --set-rpath '$NOWHERE/lib' $T/$C")
add("the extension's RUNPATH behind ten folders", "$D/patchelf --set-rpath '/a:/b:/c:/d:/e:/f:/g:/h:/i:/j:$ORIGIN/lib' $T/$C")
add("the extension's RUNPATH by way of ..", "$D/patchelf --set-rpath '$ORIGIN/../torch/./lib/' $T/$C")
add("the extension's RUNPATH by way of a missing folder", "$D/patchelf --set-rpath '$ORIGIN/never/../lib' $T/$C")
add("the extension's RPATH for all", "for f in $L/*.so; do $D/patchelf --remove-rpath $f; done && $D/patchelf --force-rpath --set-rpath '$ORIGIN/lib' $T/$C")
add("the extension's RPATH for all but gomp", "for f in $L/*.so; do $D/patchelf --remove-rpath $f; done && rm $L/libgomp.so.1 && $D/patchelf --force-rpath --set-rpath '$ORIGIN/lib' $T/$C")
add("the extension's RUNPATH alone for all", "for f in $L/*.so; do $D/patchelf --remove-rpath $f; done")
add("RPATH of libtorch_python below a RUNPATH", "mv $L/libc10.so /opt/ && $D/patchelf --force-rpath --set-rpath '$ORIGIN:/opt' $L/libtorch_python.so")
add("RPATH in all, c10 where the extension's leads", "mv $L/libc10.so /opt/ && for f in $L/*.so; do $D/patchelf --force-rpath --set-rpath '$ORIGIN' $f; done && $D/patchelf --force-rpath --set-rpath '$ORIGIN/lib:/opt' $T/$C")
add("RUNPATH of libc10 to $LIB", "mkdir -p /opt/lib/x86_64-linux-gnu && mv $L/libgomp.so.1 /opt/lib/x86_64-linux-gnu/ && for f in $L/libtorch_cpu.so $L/libtorch_global_deps.so; do $D/patchelf --set-rpath '$ORIGIN:/opt/$LIB' $f; done")
add("stub in a hwcaps folder of x86-64-v2", "mkdir -p $L/glibc-hwcaps/x86-64-v2 && cp $D/stub/libc10.so $L/glibc-hwcaps/x86-64-v2/")
add("stub in a hwcaps folder of no processor", "mkdir -p $L/glibc-hwcaps/x86-64-v9 && cp $D/stub/libc10.so $L/glibc-hwcaps/x86-64-v9/")
add("stub in the folder tls", "mkdir -p $L/tls && cp $D/stub/libc10.so $L/tls/")

add("libc10 with another SONAME", "$D/patchelf --set-soname libother.so $L/libc10.so")
add("libc10 without SONAME", "$D/patchelf --set-soname '' $L/libc10.so")
add("libtorch_cpu with libc10's SONAME", "$D/patchelf --set-soname libc10.so $L/libtorch_cpu.so")
add("libtorch_cpu needs a library that is not there", "$D/patchelf --add-needed libnever.so.1 $L/libtorch_cpu.so")
add("libtorch_cpu needs libz too", "$D/patchelf --add-needed libz.so.1 $L/libtorch_cpu.so")
add("libtorch_cpu needs libc10 under its whole path", "$D/patchelf --replace-needed libc10.so $L/libc10.so $L/libtorch_cpu.so")
add("libtorch_cpu needs libc10 by $ORIGIN", "$D/patchelf --replace-needed libc10.so '$ORIGIN/libc10.so' $L/libtorch_cpu.so")
add("libtorch_cpu needs libc10 by a relative path", "$D/patchelf --replace-needed libc10.so lib/libc10.so $L/libtorch_cpu.so")
add("a relative path, right from the working directory", "$D/patchelf --replace-needed libc10.so lib/libc10.so $L/libtorch_cpu.so", "WORKDIR /usr/local/lib/python3.11/site-packages/torch")
add("libtorch_cpu needs libgomp under another name", "$D/patchelf --replace-needed libgomp.so.1 libgomp-a34b3233.so.1 $L/libtorch_cpu.so")
add("libgomp renamed in all", "mv $L/libgomp.so.1 $L/libgomp-a34b.so.1 && for f in $L/libtorch_cpu.so $L/libtorch_global_deps.so; do $D/patchelf --replace-needed libgomp.so.1 libgomp-a34b.so.1 $f; done")
add("libgomp renamed in all and by SONAME", "mv $L/libgomp.so.1 $L/libgomp-a34b.so.1 && $D/patchelf --set-soname libgomp-a34b.so.1 $L/libgomp-a34b.so.1 && for f in $L/libtorch_cpu.so $L/libtorch_global_deps.so; do $D/patchelf --replace-needed libgomp.so.1 libgomp-a34b.so.1 $f; done")
add("libtorch_cpu does not name libc10", "$D/patchelf --remove-needed libc10.so $L/libtorch_cpu.so")
add("nothing names libc10", "for f in $L/*.so; do $D/patchelf --remove-needed libc10.so $f; done")
add("libtorch_cpu does not name libstdc++", "$D/patchelf --remove-needed libstdc++.so.6 $L/libtorch_cpu.so")
add("nothing names libstdc++", "for f in $L/*.so $T/$C; do $D/patchelf --remove-needed libstdc++.so.6 $f; done")
add("libtorch_cpu does not name libgomp", "$D/patchelf --remove-needed libgomp.so.1 $L/libtorch_cpu.so")
add("libtorch_python does not name libtorch_cpu", "$D/patchelf --remove-needed libtorch_cpu.so $L/libtorch_python.so")
add("the extension does not name libtorch_python", "$D/patchelf --remove-needed libtorch_python.so $T/$C")
add("libc10 and libtorch_cpu need each other", "$D/patchelf --add-needed libtorch_cpu.so $L/libc10.so")
add("the extension's interpreter is set", "$D/patchelf --add-needed libm.so.6 $T/$C")
add("libc10 asks for an executable stack", "$D/patchelf --set-execstack $L/libc10.so")
add("libc10 without default folders", "$D/patchelf --no-default-lib $L/libc10.so")
add("the extension without default folders", "$D/patchelf --no-default-lib $T/$C")
