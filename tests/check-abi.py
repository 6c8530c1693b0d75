#!/usr/bin/env python3
"""The plugin ABI's header: what it may contain, that its layout is the frozen one with every compiler that is there, that
every operation says from which threads and how long it is called, and that its specification names tests that exist."""
import importlib.util
import json
import os
import re
import shutil

import checklib

HEADER, FROZEN, SPEC = "abi/ioasid_backend.h", "abi/layout-0.json", "abi/SPEC.md"
CHECKER = "libioasid/loader_check.c"
COMPILERS = [
    ["gcc", "-x", "c", "-std=c99"], ["gcc", "-x", "c", "-std=c11"], ["g++", "-x", "c++", "-std=c++11", "-Wno-invalid-offsetof"],
    ["clang", "-x", "c", "-std=c99"], ["clang++", "-x", "c++", "-std=c++11"], ["aarch64-linux-gnu-gcc", "-x", "c", "-std=c99"],
    ["riscv64-linux-gnu-gcc", "-x", "c", "-std=c99"],
]
FORBIDDEN = re.compile(r"\b(enum|bool|_Bool|long|short|unsigned|signed|size_t|ssize_t|off_t|time_t|float|double|union|packed|"
                       r"__attribute__\s*\(\(\s*(?:packed|aligned))\b")
BITFIELD = re.compile(r"\b\w+\s*:\s*\d+\s*;")
FLEXIBLE = re.compile(r"\[\s*\]\s*;")
THREADS, BLOCKING = ("any-thread", "turn", "last"), ("no-block", "may-block", "deadline")


def layout_tool(top):
    spec = importlib.util.spec_from_file_location("abi_layout", top / "tools/abi-layout.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_words(text):
    complaints = []
    code = re.sub(r"_Static_assert\(sizeof\(void \*\)[^\n]*", "", checklib.without_strings(text))
    for number, line in enumerate(code.split("\n"), 1):
        for what, pattern in (("a type", FORBIDDEN), ("a bit field", BITFIELD), ("a flexible array", FLEXIBLE)):
            match = pattern.search(line)
            if match:
                complaints.append(f"{HEADER}:{number}: has {what} that not every language has: {match.group(0)}")
    for number, kind, name in checklib.includes(text):
        if name != "stdint.h":
            complaints.append(f"{HEADER}:{number}: includes {name}")
    return complaints


def check_layout(top, tool):
    complaints = []
    there = [c for c in COMPILERS if shutil.which(c[0])]
    if len({c[2] for c in there}) < 2:
        complaints.append("no compiler for C, or none for C++")
    for command in there:
        for text in tool.check_layout(top / HEADER, top / FROZEN, command):
            complaints.append(f"{' '.join(command)}: {text}")
    frozen = json.loads((top / FROZEN).read_text())
    try:
        now = tool.write_layout(top / HEADER)
    except Exception as error:  # whatever the header did to the tool, it is a complaint and no crash
        return complaints + [f"{HEADER} does not compile: {error}"]
    if now != frozen:
        complaints.append(f"{FROZEN} is not what the header says: make abi-layout, if that was meant")
    for struct, out in now["structs"].items():
        end = 0
        for m in out["members"]:
            if m["offset"] != end:
                complaints.append(f"struct {struct}: hidden padding before {m['name']}")
            end = m["offset"] + m["size"]
        if end != out["size"] or out["size"] % 8:
            complaints.append(f"struct {struct}: padding at its end, or its size {out['size']} is no multiple of 8")
    return complaints


def operations(text):
    """(table, operation, the comment before it) of each operation of a table that a plugin hands out."""
    for table, body in re.findall(r"^struct ioasid_be_(\w+)_ops \{(.*?)^\};", text, re.S | re.M):
        for comment, name in re.findall(r"((?:/\*(?:[^*]|\*(?!/))*\*/\s*)?)int32_t \(\*(\w+)\)\(", body):
            yield table, name, " ".join(comment.split())


def check_tags(text):
    complaints = []
    count = 0
    for table, name, comment in operations(text):
        count += 1
        tags = re.findall(r"\[([a-z-]+)\]", comment)
        for kind, words in (("threads", THREADS), ("blocking", BLOCKING)):
            if len([t for t in tags if t in words]) != 1:
                complaints.append(f"{HEADER}: {table}.{name} has not one tag for its {kind}")
        unknown = set(tags) - set(THREADS) - set(BLOCKING) - {"optional"}
        complaints += [f"{HEADER}: {table}.{name} has an unknown tag {t}" for t in sorted(unknown)]
    return complaints if count else [f"{HEADER}: no operations were found"]


def check_optional(top, text):
    """The header's [optional] against the question marks of the loader."""
    code = checklib.without_comments((top / CHECKER).read_text())
    loader = {}
    for table, ops in re.findall(r"TABLE\((\w+)\),\s*(?:\.ops = )?\{(.*?)\}", code, re.S):
        loader[table] = re.findall(r'"(\??\w+)"', ops)
    header = {}
    for table, name, comment in operations(text):
        header.setdefault(table, []).append(("?" if "[optional]" in comment else "") + name)
    return [f"{CHECKER} and {HEADER} disagree about table {t}: {loader.get(t)}, {header.get(t)}"
            for t in sorted(set(loader) | set(header)) if loader.get(t) != header.get(t)]


def check_spec(top):
    complaints = []
    rows = re.findall(r"^\| R(\d+) \|(.*)\|(.*)\|(.*)\|$", (top / SPEC).read_text(), re.M)
    if [int(r[0]) for r in rows] != list(range(1, len(rows) + 1)) or not rows:
        complaints.append(f"{SPEC}: the requirements are not numbered without gaps")
    for number, _, who, seen in rows:
        if who.strip() not in ("P", "H", "PH"):
            complaints.append(f"{SPEC}: R{number} does not say who keeps it")
        if seen.strip() == "-" and who.strip() == "PH":
            complaints.append(f"{SPEC}: R{number} is checked by the host, but no test sees it")
        for path in [] if seen.strip() == "-" else seen.split(","):
            if not re.fullmatch(r"tests/[\w.-]+", path.strip()) or not (top / path.strip()).exists():
                complaints.append(f"{SPEC}: R{number} names a test that does not exist: {path.strip()}")
    return complaints


def check(top):
    text = (top / HEADER).read_text()
    return (check_words(text) + check_layout(top, layout_tool(top)) + check_tags(text) + check_optional(top, text)
            + check_spec(top))


def edit(old, new):
    def change(text):
        if old not in text:
            raise SystemExit(f"the plant's text is gone: {old}")
        return text.replace(old, new, 1)
    return change


PLANTS = [
    checklib.Plant("a type that is not fixed", HEADER, edit("	uint32_t capacity;", "	long capacity;"), "a type that"),
    checklib.Plant("a bit field", HEADER, edit("	uint32_t capacity;", "	uint32_t capacity : 32;"), "a bit field"),
    checklib.Plant("an include", HEADER, edit("#include <stdint.h>", "#include <stdint.h>\n#include <stddef.h>"),
                   "includes stddef.h"),
    checklib.Plant("hidden padding", HEADER, edit("	uint32_t count;     /* 0 is a success without effect */\n", ""),
                   "hidden padding"),
    checklib.Plant("a member in the middle", HEADER,
                   edit("	uint64_t cookie;     /* given back", "	uint64_t planted;\n	uint64_t cookie;     /* given back"),
                   "struct ioasid_be_device: member"),
    checklib.Plant("a changed signature", HEADER,
                   edit("int32_t (*device_block)(struct ioasid_be_dev *dev, uint64_t deadline)",
                        "int32_t (*device_block)(struct ioasid_be_dev *dev, uint32_t deadline)"), "struct ioasid_be_pasid_ops: member"),
    checklib.Plant("a changed number", HEADER, edit("IOASID_BE_SCOPE_AS      UINT32_C(4)", "IOASID_BE_SCOPE_AS      UINT32_C(5)"),
                   "claim_"),
    checklib.Plant("a constant that is gone", HEADER, edit("#define IOASID_BE_EVENT_LOST  UINT32_C(1)", ""),
                   "constant IOASID_BE_EVENT_LOST is gone"),
    checklib.Plant("a constant that was not frozen", HEADER, edit("#define IOASID_BE_EVENT_LOST",
                   "#define IOASID_BE_PLANTED UINT32_C(9)\n#define IOASID_BE_EVENT_LOST"), "is not what the header says"),
    checklib.Plant("an operation without its threads", HEADER,
                   edit("Ends a table. EBUSY: attached. [last]", "Ends a table. EBUSY: attached."),
                   "nested.destroy has not one tag for its threads"),
    checklib.Plant("an operation without its blocking", HEADER,
                   edit("Ends a table. EBUSY: attached. [last] [may-block]", "Ends a table. EBUSY: attached. [last]"),
                   "nested.destroy has not one tag for its blocking"),
    checklib.Plant("a loader that thinks otherwise of what is optional", CHECKER, edit('"?drain"', '"drain"'),
                   "disagree about table pasid"),
    checklib.Plant("a requirement that is gone", SPEC, edit("| R17 |", "| R170 |"), "without gaps"),
    checklib.Plant("a requirement whose test does not exist", SPEC, edit("| tests/test_be_call.c |", "| tests/test_nothing.c |"),
                   "names a test that does not exist"),
]

if __name__ == "__main__":
    os.environ.setdefault("CC", "cc")
    checklib.main(check, PLANTS, "the ABI check")
