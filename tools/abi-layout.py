#!/usr/bin/env python3
"""The layout of the plugin ABI: sizes, offsets, constants and the order of operations, taken from the header.

usage: abi-layout.py write HEADER            print the layout as JSON (compiles and runs a program with $CC)
       abi-layout.py check HEADER JSON CC... check with one compiler command that a frozen layout still holds

What is written is frozen with a release; what is checked needs no program to run, so a cross compiler will do.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

PREFIX = "ioasid_be_"


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def parse_structs(text):
    """[(struct, [(member, declaration)])] in the order of the header."""
    structs = []
    for name, body in re.findall(r"^struct (%s\w+) \{(.*?)^\};" % PREFIX, strip_comments(text), re.S | re.M):
        members = []
        for declaration in body.split(";"):
            declaration = " ".join(declaration.split())
            if not declaration:
                continue
            found = re.search(r"\(\*(\w+)\)", declaration) or re.search(r"(\w+)(?:\[\w+\])?$", declaration)
            members.append((found.group(1), declaration))
        structs.append((name, members))
    return structs


def parse_constants(text):
    """Names of all constants; macros with arguments and the guard are none."""
    names = re.findall(r"^#define (IOASID_BE_\w+)[ \t]+\S", strip_comments(text), re.M)
    return [name for name in names if not name.endswith("_ASSERT_SIZE")]


def program(structs, constants):
    lines = ["#include <stddef.h>", "#include <stdio.h>", '#include "ioasid_backend.h"', "int main(void)", "{"]
    for struct, members in structs:
        lines.append('printf("%%s %%zu\\n", "%s", sizeof(struct %s));' % (struct, struct))
        for member, _ in members:
            lines.append(
                'printf("%%s.%%s %%zu %%zu\\n", "%s", "%s", offsetof(struct %s, %s), sizeof(((struct %s *)0)->%s));'
                % (struct, member, struct, member, struct, member)
            )
    for name in constants:
        lines.append(
            '_Generic(%s, char *: printf("%%s \\"%%s\\"\\n", "%s", (const char *)(uintptr_t)(%s)), default: '
            'printf("%%s %%lld\\n", "%s", (long long)(uintptr_t)(%s)));' % ((name,) * 5)
        )
    return "\n".join(lines + ["return 0;", "}"])


def run_program(header, source):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "layout.c")
        with open(path, "w") as file:
            file.write(source)
        command = shlex.split(os.environ.get("CC", "cc"))
        flags = ["-std=c11", "-w", "-I", os.path.dirname(os.path.abspath(header))]
        done = subprocess.run(
            command + flags + ["-o", path + ".out", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stdout)
        return subprocess.run([path + ".out"], check=True, stdout=subprocess.PIPE, text=True).stdout


def write_layout(header):
    with open(header) as file:
        text = file.read()
    structs, constants = parse_structs(text), parse_constants(text)
    values = dict(line.split(" ", 1) for line in run_program(header, program(structs, constants)).splitlines())
    layout = {"structs": {}, "constants": {}}
    for struct, members in structs:
        out = {"size": int(values[struct]), "members": []}
        for member, declaration in members:
            offset, size = values[struct + "." + member].split()
            out["members"].append(
                {"name": member, "offset": int(offset), "size": int(size), "declaration": declaration}
            )
        layout["structs"][struct] = out
    for name in constants:
        layout["constants"][name] = json.loads(values[name])
    return layout


def assertions(layout):
    """A source file that compiles in any dialect of C and C++ if, and only if, the layout holds."""
    lines = ["#include <stddef.h>", '#include "ioasid_backend.h"']
    claims = []
    for struct, out in layout["structs"].items():
        claims.append("sizeof(struct %s) == %d" % (struct, out["size"]))
        for m in out["members"]:
            claims.append("offsetof(struct %s, %s) == %d" % (struct, m["name"], m["offset"]))
            claims.append("sizeof(((struct %s *)0)->%s) == %d" % (struct, m["name"], m["size"]))
    for name, value in layout["constants"].items():
        if isinstance(value, str):
            claims.append('sizeof(%s) == sizeof("%s")' % (name, value))
        else:
            claims.append("%s == %s" % (name, literal(value)))
    lines += ["typedef char claim_%d[(%s) ? 1 : -1];" % (i, claim) for i, claim in enumerate(claims)]
    return "\n".join(lines) + "\n"


def literal(value):
    return "%dLL" % value if value < 2**31 else "%dULL" % value


def differences(frozen, now):
    """What was frozen and is not so any more. Additions behind the end are none."""
    found = []
    for struct, out in frozen["structs"].items():
        members = now["structs"].get(struct)
        if members is None:
            found.append("struct %s is gone" % struct)
            continue
        for i, m in enumerate(out["members"]):
            if i >= len(members) or members[i] != (m["name"], m["declaration"]):
                found.append("struct %s: member %d was: %s" % (struct, i, m["declaration"]))
    for name in frozen["constants"]:
        if name not in now["constants"]:
            found.append("constant %s is gone" % name)
    return found


def check_layout(header, frozen_path, command):
    with open(header) as file:
        text = file.read()
    with open(frozen_path) as file:
        frozen = json.load(file)
    now = {"structs": dict(parse_structs(text)), "constants": parse_constants(text)}
    found = differences(frozen, now)
    with tempfile.TemporaryDirectory() as folder:
        # The compiler decides by the name which language it is; the command line may say otherwise.
        path = os.path.join(folder, "claims.c")
        with open(path, "w") as file:
            file.write(assertions(frozen))
        flags = ["-fsyntax-only", "-I", os.path.dirname(os.path.abspath(header))]
        result = subprocess.run(command + flags + [path], stderr=subprocess.PIPE, text=True)
        if result.returncode:
            found.append(result.stderr)
    return found


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "write":
        print(json.dumps(write_layout(arguments[1]), indent=1))
        return 0
    if len(arguments) >= 4 and arguments[0] == "check":
        found = check_layout(arguments[1], arguments[2], arguments[3:])
        print("\n".join(found), end="\n" if found else "")
        return 1 if found else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
