#!/usr/bin/env python3
"""What the built files show (S14.3): the library only names with its prefix, and out of line all that its headers declare; a plugin
one symbol; and the library nothing that would write to the host's streams, end its process or touch its signals and locale
(S13.4, S14.3); and a plugin nothing that runs before its entry or after its last call (R8 of abi/SPEC.md).

Runs on the build tree; the proof that it can fail is made with small archives compiled on the spot.
"""
import os
import pathlib
import re
import sys
import tempfile

import checklib

CC = os.environ.get("CC") or "gcc"
NM = os.environ.get("NM") or "nm"
ENTRY = "ioasid_backend_entry_v1"
# A sanitizer's compiler pass adds symbols of its own to every object.
INSTRUMENTATION = re.compile(r"^(__(asan|odr_asan|tsan|ubsan|sanitizer|gcov|llvm|sancov)|\.|DW\.ref\.)")
FORBIDDEN = re.compile(
    r"^(_?exit|_Exit|quick_exit|atexit|on_exit|v?f?printf|__v?f?printf_chk|puts|fputs|putchar|fputc|putc|fwrite|perror|psignal|"
    r"stdout|stderr|stdin|v?warnx?|v?errx?|syslog|signal|sigaction|setlocale|uselocale|system|popen|getenv|setenv|putenv|"
    r"malloc_trim|mallopt|pthread_atfork|strerror|strtok|longjmp|_longjmp|__longjmp_chk|siglongjmp)$")

# What would leave something of a plugin to be run at exit, at fork or on a signal.
LEFT_BEHIND = re.compile(r"^(atexit|on_exit|at_quick_exit|__cxa_atexit|__cxa_at_quick_exit|__cxa_thread_atexit_impl|pthread_atfork|"
                         r"__register_atfork|signal|sigaction|sigset)$")
SANITIZER = re.compile(r"^__(asan|tsan|ubsan|gcov)_")


def nm(path, *options):
    """(type, name) of each symbol."""
    status, text = checklib.run([NM, "-P", *options, str(path)])
    if status:
        raise SystemExit(f"{NM} {path}: {text}")
    for line in text.split("\n"):
        fields = line.split()
        if len(fields) >= 2 and len(fields[1]) == 1:
            yield fields[1], fields[0]


def default_visibility(path):
    """The defined global symbols of an archive that a shared object made of it would export."""
    status, text = checklib.run(["readelf", "-sW", str(path)])
    if status:
        raise SystemExit(f"readelf {path}: {text}")
    found = set()
    for line in text.split("\n"):
        fields = line.split()
        if len(fields) >= 8 and fields[4] in ("GLOBAL", "WEAK") and fields[5] == "DEFAULT" and fields[6] != "UND":
            found.add(fields[7])
    return found


def declared(headers):
    """The functions that the headers declare or define, at file scope."""
    found = set()
    for path in headers:
        text = checklib.without_strings(path.read_text())
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
        while re.search(r"\{[^{}]*\}", text):
            text = re.sub(r"\{[^{}]*\}", ";", text)
        for statement in text.split(";"):
            if re.match(r"\s*typedef\b", statement):
                continue
            match = re.search(r"\b(ioasid_\w+)\s*\(", statement)
            if match:
                found.add(match.group(1))
    return found


def check_library(path, headers):
    complaints = []
    defined = set()
    for kind, name in nm(path, "-g"):
        if INSTRUMENTATION.match(name):
            continue
        if kind in "Uwv":
            if kind == "U" and FORBIDDEN.match(name):
                complaints.append(f"{path.name} uses {name}")
            continue
        defined.add(name)
        if not name.startswith("ioasid_"):
            complaints.append(f"{path.name} defines {name}, without the prefix")
    names = declared(headers)
    if not names:
        complaints.append("the headers declare nothing")
    complaints += [f"{path.name} has no {name}, which a header declares" for name in sorted(names - defined)]
    shown = {n for n in default_visibility(path) if not INSTRUMENTATION.match(n)}
    complaints += [f"{path.name} shows {name}, which no header declares" for name in sorted(shown - names)]
    complaints += [f"{path.name} hides {name}, which a header declares" for name in sorted((names & defined) - shown)]
    return complaints


def section_sizes(path):
    """The size of each section, in bytes."""
    status, text = checklib.run(["readelf", "-SW", str(path)])
    if status:
        raise SystemExit(f"readelf {path}: {text}")
    return {name: int(size, 16) for name, size in re.findall(r"\] (\.\S+)\s+\S+\s+[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+)", text)}


def check_plugin(path):
    symbols = [(t, n.partition("@")[0]) for t, n in nm(path, "-D", "-g")]
    shown = sorted(n for t, n in symbols if t not in "Uwv" and not INSTRUMENTATION.match(n))
    complaints = [] if shown == [ENTRY] else [f"{path.name} exports {shown or 'nothing'}, not only {ENTRY}"]
    complaints += [f"{path.name} leaves something behind: it uses {n}" for t, n in symbols if t == "U" and LEFT_BEHIND.match(n)]
    # A compiler's start-up files bring one of each; a sanitizer has constructors of its own.
    sizes = {} if any(SANITIZER.match(n) for _, n in symbols) else section_sizes(path)
    complaints += [f"{path.name} runs code before its entry, or after its last call: {section} has {sizes[section]} bytes"
                   for section in (".init_array", ".fini_array", ".preinit_array") if sizes.get(section, 0) > 8]
    return complaints


def check_shared(path, headers):
    """The shared library, where one was asked for, exports what the headers declare and nothing else."""
    names = declared(headers)
    shown = {n for t, n in nm(path, "-D", "-g") if t not in "Uwv" and not INSTRUMENTATION.match(n)}
    return [f"{path.name} exports {n}" for n in sorted(shown - names)] + [f"{path.name} lacks {n}" for n in sorted(names - shown)]


# Each library, and where its headers are.
LIBRARIES = [("libioasid", "include/ioasid"), ("libioasid-guest", "include/ioasid-guest")]
# What a decoder calls beside the reader of guest memory that it is given: nothing but what a compiler may call for a copy.
GUEST_CALLS = re.compile(r"^(mem(cpy|set|move|cmp)|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_)$")


def check_alone(path):
    """The guest's library stands by itself (no state in it either: nothing that can be written)."""
    complaints = []
    symbols = [(kind, name) for kind, name in nm(path) if not INSTRUMENTATION.match(name)]
    defined = {name for kind, name in symbols if kind not in "Uwv"}
    for kind, name in symbols:
        if kind == "U" and name not in defined and not GUEST_CALLS.match(name):
            complaints.append(f"{path.name} needs {name}")
        if kind in "bBdDcC":
            complaints.append(f"{path.name} has a variable, {name}")
    return complaints


def check(top):
    complaints = check_alone(checklib.BUILD / ".libs/libioasid-guest.a")
    for name, folder in LIBRARIES:
        headers = sorted((top / folder).glob("*.h"))
        complaints += check_library(checklib.BUILD / f".libs/{name}.a", headers)
        shared = checklib.BUILD / f".libs/{name}.so"
        if shared.exists():
            complaints += check_shared(shared, headers)
    for plugin in sorted((checklib.BUILD / "plugins").glob("*.so")):
        complaints += check_plugin(plugin)
    return complaints


HEADER = """#define API __attribute__((visibility("default")))
typedef int (*ioasid_planted_fn)(int);
API int ioasid_good(ioasid_planted_fn fn);
"""
GOOD = '#include "h.h"\nint ioasid_good(ioasid_planted_fn fn) { return fn(1); }\n'
LIBRARY_PLANTS = [
    ("a good library, with nothing to complain of", GOOD, None),
    ("a global name without the prefix", GOOD + "int helper(void);\nint helper(void) { return 1; }\n", "without the prefix"),
    ("a declared function that is not there", '#include "h.h"\nint ioasid_other(void);\nint ioasid_other(void) { return 1; }\n',
     "has no ioasid_good"),
    ("an exported function that no header declares",
     GOOD + "API int ioasid_secret(void);\nint ioasid_secret(void) { return 1; }\n", "shows ioasid_secret"),
    ("a declared function that is hidden", GOOD.replace("int ioasid_good", '__attribute__((visibility("hidden"))) int ioasid_good')
     .replace('#include "h.h"', "typedef int (*ioasid_planted_fn)(int);"), "hides ioasid_good"),
    ("a library that ends the process", GOOD + "#include <stdlib.h>\nint ioasid_x(void);\nint ioasid_x(void) { exit(1); }\n",
     "uses exit"),
    ("a library that writes to stderr",
     GOOD + "#include <stdio.h>\nint ioasid_x(void);\nint ioasid_x(void) { return fputs(\"x\", stderr); }\n", "uses stderr"),
]
ALONE_PLANTS = [
    ("a library that stands alone, with nothing to complain of",
     "#include <string.h>\nint ioasid_x(char *p);\nint ioasid_x(char *p) { return memcmp(p, p + 1, (unsigned)p[9]); }\n", None),
    ("a decoder that allocates", "#include <stdlib.h>\nvoid *ioasid_x(void);\nvoid *ioasid_x(void) { return malloc(1); }\n",
     "needs malloc"),
    ("a decoder that keeps state", "int ioasid_x(void);\nint ioasid_x(void) { static int n; return n++; }\n", "has a variable"),
]
PLUGIN_PLANTS = [
    ("a good plugin, with nothing to complain of", f"int {ENTRY}(void) {{ return 0; }}\n", None),
    ("a plugin with a second symbol", f"int {ENTRY}(void) {{ return 0; }}\nint other(void) {{ return 0; }}\n", "not only"),
    ("a plugin with a constructor",
     f"int {ENTRY}(void) {{ return 0; }}\nstatic int n;\n__attribute__((constructor)) static void run(void) {{ n++; }}\n",
     "before its entry"),
    ("a plugin with a destructor",
     f"int {ENTRY}(void) {{ return 0; }}\nstatic int n;\n__attribute__((destructor)) static void run(void) {{ n++; }}\n",
     "after its last call"),
    ("a plugin with a handler at fork",
     f"#include <pthread.h>\nint {ENTRY}(void) {{ return pthread_atfork(0, 0, 0); }}\n", "leaves something behind"),
    ("a plugin with a handler for a signal",
     f"#include <signal.h>\nint {ENTRY}(void) {{ return signal(SIGUSR1, SIG_IGN) == SIG_ERR; }}\n", "leaves something behind"),
    ("a plugin without the entry", "static int other(void) { return 0; }\nint (*const p)(void) = other;\n", "not only"),
]


def compile_in(folder, source, *options):
    (folder / "x.c").write_text(source)
    (folder / "h.h").write_text(HEADER)
    status, text = checklib.run([*CC.split(), "-fvisibility=hidden" if "-c" in options else "-fPIC", *options, "x.c"], cwd=folder)
    if status:
        raise SystemExit(f"cannot compile a plant: {text}")


def prove():
    """Run the check on libraries and plugins that are made wrong. Returns (name, ok) of each."""
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        for name, source, complaint in LIBRARY_PLANTS:
            compile_in(folder, source, "-c", "-fPIC", "-o", "x.o")
            (folder / "x.a").unlink(missing_ok=True)
            checklib.run(["ar", "cr", "x.a", "x.o"], cwd=folder)
            results.append((name, complaint, check_library(folder / "x.a", [folder / "h.h"])))
        for name, source, complaint in ALONE_PLANTS:
            compile_in(folder, source, "-c", "-fPIC", "-o", "x.o")
            (folder / "x.a").unlink(missing_ok=True)
            checklib.run(["ar", "cr", "x.a", "x.o"], cwd=folder)
            results.append((name, complaint, check_alone(folder / "x.a")))
        for name, source, complaint in PLUGIN_PLANTS:
            compile_in(folder, source, "-shared", "-o", "x.so")
            results.append((name, complaint, check_plugin(folder / "x.so")))
    return results


def main():
    passed = failed = 0
    for name, complaint, got in prove() + [("the built library and plugins show what they should", None, check(checklib.TOP))]:
        ok = any(complaint in text for text in got) if complaint else not got
        passed, failed = passed + ok, failed + (not ok)
        for text in [] if ok else got or [f"no complaint with \"{complaint}\""]:
            print("# " + text)
        print(f"{'ok' if ok else 'not ok'} {passed + failed} - {name}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
