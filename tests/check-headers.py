#!/usr/bin/env python3
"""Each public header and the ABI's compiles alone, and twice, as C99 and C++11 without a warning (S14.3), with every compiler that is
there."""
import os
import pathlib
import shutil
import tempfile

import checklib

FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-fsyntax-only"]
COMPILERS = [("gcc", "c99", "c"), ("clang", "c99", "c"), ("g++", "c++11", "c++"), ("clang++", "c++11", "c++")]


def compilers():
    """(command, standard, language) of each compiler that is there; gcc or clang, and one for C++, must be."""
    return [c for c in COMPILERS if shutil.which(c[0])]


def headers(top):
    """(include path, how to include it) of each header that is installed."""
    found = [(top / "include", f"<{p.parent.name}/{p.name}>") for p in sorted((top / "include").glob("*/*.h"))]
    return found + [(top / "abi", '"%s"' % p.name) for p in sorted((top / "abi").glob("*.h"))]


def check(top):
    complaints = []
    there = compilers()
    for language in ("c", "c++"):
        if not any(c[2] == language for c in there):
            complaints.append(f"no compiler for {language}")
    with tempfile.TemporaryDirectory() as scratch:
        for folder, name in headers(top):
            source = pathlib.Path(scratch) / "one.c"
            # A declaration of our own, because an empty translation unit is a warning of its own.
            source.write_text(f"#include {name}\n#include {name}\nextern int ioasid_check_headers;\n")
            for command, standard, language in there:
                status, text = checklib.run([command, "-x", language, f"-std={standard}", *FLAGS, f"-I{folder}", str(source)],
                                            env={**os.environ, "LC_ALL": "C"})
                if status:
                    complaints.append(f"{name} as {standard} with {command}:\n{text}")
    if not headers(top):
        complaints.append("there are no headers")
    return complaints


PLANTS = [
    checklib.Plant("a header that needs another one first", "include/ioasid/planted.h",
                   "#ifndef P\n#define P\nuint32_t ioasid_planted(void);\n#endif\n", "planted.h"),
    checklib.Plant("a header of the guest's library that needs another one first", "include/ioasid-guest/planted.h",
                   "#ifndef P\n#define P\nuint32_t ioasid_guest_planted(void);\n#endif\n", "ioasid-guest/planted.h"),
    checklib.Plant("a header without a guard", "include/ioasid/planted.h", "struct ioasid_planted { int x; };\n", "planted.h"),
    checklib.Plant("a header that is not C++", "include/ioasid/planted.h",
                   "#ifndef P\n#define P\nint ioasid_planted(int class);\n#endif\n", "as c++11"),
    checklib.Plant("a header that is not C99", "abi/planted.h",
                   "#ifndef P\n#define P\n_Static_assert(1, \"\");\n#endif\n", "as c99"),
    checklib.Plant("a header with an implicit conversion", "abi/planted.h",
                   "#ifndef P\n#define P\nstatic inline unsigned char p(int x) { return x; }\n#endif\n", "planted.h"),
]

if __name__ == "__main__":
    checklib.main(check, PLANTS, "the header check")
