#!/usr/bin/env python3
"""The sizes that keep a file readable, and what a finished file does not say.

A file has at most 400 lines, or what tests/long-files.txt grants it with a reason; a function at most 80, and nine of ten
at most 40; a line at most 132 columns, indented with tabs (tools/wrap-comments.py wraps comments). Functions are found by
their brace in the first column.
"""
import re

import checklib

MAX_FILE, MAX_FUNCTION, MAX_LINE = 400, 80, 132
MOST_FUNCTIONS, MOST_SHARE = 40, 0.9
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|placeholder|for now|stub(?!s? that answer))\b", re.I)
REASONS = "tests/long-files.txt"


def functions(text):
    """(name, line, length) of each function of C code without comments and strings."""
    lines = text.split("\n")
    for begin, line in enumerate(lines):
        if line.rstrip() != "{":
            continue
        above = begin - 1
        while above > 0 and lines[above][:1] in (" ", "\t", ")"):
            above -= 1
        match = re.search(r"(\w+)\s*\(", lines[above]) if above >= 0 else None
        end = next((n for n in range(begin, len(lines)) if lines[n].startswith("}")), len(lines))
        yield (match.group(1) if match else "?"), above + 1, end - above + 1


def reasons(top):
    """Path -> (lines, reason) of the files that may be longer."""
    path = top / REASONS
    found = {}
    for line in path.read_text().split("\n") if path.exists() else []:
        fields = line.split(None, 2)
        if fields and not line.startswith("#"):
            lines = fields[1] if len(fields) > 1 and fields[1].isdigit() else "0"
            found[fields[0]] = int(lines), fields[2] if len(fields) > 2 else ""
    return found


def check_file(path, text, limit):
    complaints = []
    lines = text.split("\n")
    count = len(lines) - 1
    if count > limit:
        complaints.append(f"{path}: {count} lines, more than {limit}")
    if text and not text.endswith("\n"):
        complaints.append(f"{path}: no newline at the end")
    for number, line in enumerate(lines, 1):
        width = len(line.expandtabs(8))
        if width > MAX_LINE:
            complaints.append(f"{path}:{number}: {width} columns, more than {MAX_LINE}")
        if line != line.rstrip():
            complaints.append(f"{path}:{number}: blanks at the end of the line")
        if re.match(r"\t* {8}", line) and not re.match(r"\s*\*", line):
            complaints.append(f"{path}:{number}: indented with blanks")
        match = UNFINISHED.search(line)
        if match:
            complaints.append(f"{path}:{number}: says \"{match.group(0)}\"")
    return complaints


def check(top):
    complaints, sizes = [], []
    long_files = reasons(top)
    for path in checklib.c_files(top):
        text = (top / path).read_text(errors="replace")
        complaints += check_file(path, text, long_files.get(str(path), (MAX_FILE, ""))[0])
        if path.suffix != ".c":
            continue
        for name, line, length in functions(checklib.without_strings(text)):
            sizes.append((length, f"{path}:{line}: {name}"))
            if length > MAX_FUNCTION:
                complaints.append(f"{path}:{line}: {name} has {length} lines, more than {MAX_FUNCTION}")
    for path in long_files:
        if not (top / path).exists():
            complaints.append(f"{REASONS}: {path} does not exist")
        elif not long_files[path][0] or not long_files[path][1]:
            complaints.append(f"{REASONS}: {path} has no number of lines or no reason")
    long_ones = sorted(s for s in sizes if s[0] > MOST_FUNCTIONS)
    if len(long_ones) > max(1, (1 - MOST_SHARE) * len(sizes)):
        complaints.append(f"{len(long_ones)} of {len(sizes)} functions have more than {MOST_FUNCTIONS} lines:\n"
                          + "\n".join(f"{where} ({length})" for length, where in long_ones))
    return complaints


def function_of(lines, name="f"):
    return f"int {name}(int a,\n\t{' ' * 4}int b)\n{{\n" + "\ta++;\n" * (lines - 4) + "}\n"


PLANTS = [
    checklib.Plant("a file that is too long", "libioasid/planted.c", "int x;\n" * 401, "401 lines, more than 400"),
    checklib.Plant("a line that is too wide", "libioasid/planted.c", "\t" + "x" * 125 + "\n", "133 columns"),
    checklib.Plant("blanks at the end of a line", "libioasid/planted.h", "int x; \n", "blanks at the end"),
    checklib.Plant("indentation with blanks", "libioasid/planted.c", "int f(void)\n{\n        return 1;\n}\n", "indented with blanks"),
    checklib.Plant("a function that is too long", "libioasid/planted.c", function_of(81), "f has 81 lines"),
    checklib.Plant("too many long functions", "libioasid/planted.c",
                   lambda old: "".join(function_of(41, f"f{n}") for n in range(2000)), "more than 40 lines"),
    checklib.Plant("unfinished work", "libioasid/planted.c", "int x; /* TO" "DO */\n", "says"),
    checklib.Plant("a long file without a reason", REASONS, "libioasid/version.c 500\n", "or no reason"),
]

if __name__ == "__main__":
    checklib.main(check, PLANTS, "the style check")
