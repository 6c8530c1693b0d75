#!/usr/bin/env python3
"""Which tests speak of which rule of docs/semantics.md. Fails if a rule in docs/rules-in-scope.txt has no test, if a rule is cited
anywhere that does not exist, or if the rules are not numbered without gaps.

A test cites a rule by its number in a name or a comment: S4.5. "S2.6, S3.4" cites both, "S11.1 to S11.5" the five.
With --list the table of rules and tests is all that is printed.
"""
import re
import sys

import checklib

RULES = "docs/semantics.md"
SCOPE = "docs/rules-in-scope.txt"
CITE = re.compile(r"\bS(1?\d)\.(1?\d)\b(?:(?: to |–|-)S?(?:(1?\d)\.)?(1?\d)\b)?")
# How many rules each section has. A rule may be added at the end, but never goes away.
SECTIONS = (3, 6, 8, 5, 7, 5, 5, 10, 4, 16, 3, 5, 3, 4, 5, 6, 4, 4, 3)
SELF = ("check-rules.py", "checklib.py")


def cited(text):
    """The rules that a text cites, as (section, number)."""
    found = set()
    for match in CITE.finditer(text):
        section, first = int(match.group(1)), int(match.group(2))
        last = first
        if match.group(4) and (match.group(3) is None or int(match.group(3)) == section):
            last = max(first, int(match.group(4)))
        found |= {(section, n) for n in range(first, last + 1)}
    return found


def name(rule):
    return "S%d.%d" % rule


def tests(top):
    """The test programs and scripts, as paths relative to top."""
    root = top / "tests"
    paths = [p for p in root.rglob("*") if p.suffix in (".c", ".py", ".sh") and p.name not in SELF]
    return sorted(p.relative_to(top) for p in paths if "harness" not in p.name or p.name == "test_harness.c")


def citations(top):
    """Rule -> the tests that cite it."""
    found = {}
    for path in tests(top):
        for rule in cited((top / path).read_text(errors="replace")):
            found.setdefault(rule, []).append(str(path))
    return found


def defined(top):
    return [(int(s), int(n)) for s, n in re.findall(r"^\*\*S(\d+)\.(\d+)\*\*", (top / RULES).read_text(), re.M)]


def scope(top):
    lines = (top / SCOPE).read_text().split("\n")
    return sorted(set().union(*(cited(line) for line in lines if not line.startswith("#"))))


def check(top):
    rules = defined(top)
    wanted = [(s, n) for s, count in enumerate(SECTIONS) for n in range(1, count + 1)]
    complaints = [f"{RULES} lacks {name(r)}" for r in wanted if r not in rules]
    if rules != sorted(set(rules)):
        complaints.append(f"{RULES}: the rules are not in order, or one comes twice")
    found = citations(top)
    complaints += [f"{name(r)} is in scope and no test cites it" for r in scope(top) if r not in found]
    complaints += [f"{SCOPE} has {name(r)}, which does not exist" for r in scope(top) if r not in rules]
    for path in checklib.c_files(top):
        unknown = cited((top / path).read_text(errors="replace")) - set(rules)
        complaints += [f"{path} cites {name(r)}, which does not exist" for r in sorted(unknown)]
    return complaints


def listing(top):
    found, in_scope = citations(top), set(scope(top))
    for rule in defined(top):
        mark = " " if rule in in_scope else "-"
        print(f"{mark} {name(rule):7}{', '.join(found.get(rule, ['no test' if mark == ' ' else 'not in scope']))}")


def without_rule(rule):
    return lambda old: old.replace(f"**{rule}**", f"**{rule}x**")


PLANTS = [
    checklib.Plant("a rule that is gone", RULES, without_rule("S4.5"), "lacks S4.5"),
    checklib.Plant("a rule that comes twice", RULES, lambda old: old + "\n**S4.5** again\n", "comes twice"),
    checklib.Plant("a rule in scope that no test cites", SCOPE, lambda old: old + "S12.3\n", "S12.3 is in scope"),
    checklib.Plant("a citation of a rule that does not exist", "libioasid/planted.c", "/* S1" "9.1 */\n", "cites S19.1"),
    checklib.Plant("a scope that does not exist", SCOPE, lambda old: old + "S18.9\n", "has S18.9"),
]

if __name__ == "__main__":
    listing(checklib.TOP)
    if sys.argv[1:] != ["--list"]:
        checklib.main(check, PLANTS, "the rule check")
