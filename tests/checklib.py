"""What the checks of the source tree share: where the tree is, C without its comments, counts, and the proof that a check can fail.

A check is a module with check(top) -> list of complaints and a list of plants. It first runs on copies of the tree, each with one
planted violation, which it has to find; then on the tree itself. The plants count as cases of their own.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

CODE_DIRS = ("include", "abi", "libioasid", "guest", "backends", "bench", "examples", "tests", "tools")
TOP = pathlib.Path(os.environ.get("top_srcdir", pathlib.Path(__file__).resolve().parent.parent))
BUILD = pathlib.Path(os.environ.get("top_builddir", "."))


def c_files(top, dirs=CODE_DIRS, suffixes=(".c", ".h")):
    """The C files below the given folders, as sorted paths relative to top."""
    found = []
    for name in dirs:
        root = top / name
        if root.is_dir():
            found += [p.relative_to(top) for p in root.rglob("*") if p.suffix in suffixes and p.is_file()]
    return sorted(found)


_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def without_comments(text):
    """C text with each comment turned into blanks; the lines stay where they were."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token
        return re.sub(r"[^\n]", " ", token)
    return _TOKEN.sub(blank, text)


def without_strings(text):
    """C text without comments and with empty string and character literals, except on #include lines."""
    out = []
    for line in without_comments(text).split("\n"):
        if not re.match(r"\s*#\s*include", line):
            line = re.sub(r"\"(?:\\.|[^\"\\])*\"", '""', line)
            line = re.sub(r"'(?:\\.|[^'\\])*'", "' '", line)
        out.append(line)
    return "\n".join(out)


def includes(text):
    """(line number, 'angle' or 'quote', name) of each #include."""
    for number, line in enumerate(without_comments(text).split("\n"), 1):
        match = re.match(r"\s*#\s*include\s*([<\"])([^>\"]+)[>\"]", line)
        if match:
            yield number, "angle" if match.group(1) == "<" else "quote", match.group(2)


def run(command, **kwargs):
    """Run a command without input. Returns (status, output of both streams)."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **kwargs)
    return done.returncode, done.stdout


class Plant:
    """A violation: a path, what becomes of its text, and a piece of the complaint that has to come."""

    def __init__(self, name, path, text, complaint):
        self.name, self.path, self.text, self.complaint = name, path, text, complaint

    def put(self, top):
        path = top / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_text() if path.exists() else ""
        if path.exists():
            path.chmod(0o644)
        path.write_text(self.text(old) if callable(self.text) else self.text)


def copy_tree(top, to):
    """A writable copy of what the checks look at."""
    for name in CODE_DIRS + ("docs",):
        if (top / name).is_dir():
            shutil.copytree(top / name, to / name, ignore=shutil.ignore_patterns(".libs", "*.o", "*.lo", "__pycache__"))
    for path in [to, *to.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)


def main(check, plants, title):
    """Prove the check on each plant, then run it on the tree. Does not return."""
    passed = failed = 0

    def case(ok, name, complaints):
        nonlocal passed, failed
        for text in complaints[:50]:
            print("# " + text.replace("\n", "\n#   "))
        print(f"{'ok' if ok else 'not ok'} {passed + failed + 1} - {name}")
        passed, failed = passed + ok, failed + (not ok)

    with tempfile.TemporaryDirectory(prefix="ioasid-check-") as scratch:
        for number, plant in enumerate(plants):
            top = pathlib.Path(scratch) / str(number)
            top.mkdir()
            copy_tree(TOP, top)
            plant.put(top)
            got = check(top)
            ok = any(plant.complaint in text for text in got)
            case(ok, f"{title} finds {plant.name}", [] if ok else [f"no complaint with \"{plant.complaint}\" in: {got}"])
    complaints = check(TOP)
    case(not complaints, f"{title} finds nothing to complain of in the tree", complaints)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
