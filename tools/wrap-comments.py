#!/usr/bin/env python3
"""usage: wrap-comments.py FILE...

Wrap the lines of block comments that are wider than the check of style allows. A line that is too wide hands its last
words to the next line of the same paragraph, or to a new one; everything else stays as it is. Code is not touched.
"""
import re
import sys

WIDTH = 110
LINE = re.compile(r"^(\s*) \*( +)(\S.*)$")
OPENING = re.compile(r"^(\s*)/\*\*? ((?:(?!\*/).)*(?:\*/)?)$")
# What begins a paragraph of its own even without an empty line before it.
BEGINS = re.compile(r"(@\w+:|Context:|Return:|[-*] |\d+\. |S\d+\.\d+|\w+\(\) - )")


def width(line):
    return len(line.expandtabs(8))


def hanging(text, indent, following):
    """The blanks with which the paragraph goes on below this line."""
    match = LINE.match(following or "")
    if match and not BEGINS.match(match.group(3)) and len(match.group(2)) >= len(indent):
        return match.group(2)
    marker = re.match(r"([-*] |\d+\. )", text)
    if marker:
        return indent + " " * len(marker.group(1))
    return indent + "  " if text.startswith("@") else indent


def wrap(lines):
    out = []
    todo = list(lines)
    inside = False
    while todo:
        line = todo.pop(0)
        begins = re.match(r"\s*/\*", line) is not None
        match = (OPENING.match(line) if begins else LINE.match(line)) if begins or inside else None
        closed = "*/" in line
        if match and width(line) > WIDTH:
            base, indent = match.group(1), " " if begins else match.group(2)
            text = match.group(2) if begins else match.group(3)
            head, tail = line, []
            body = text[:-2].rstrip() if closed else text
            prefix = line[:len(line) - len(text)]
            words = body.split(" ")
            while len(words) > 1 and width(prefix + " ".join(words)) > WIDTH:
                tail.insert(0, words.pop())
            head = prefix + " ".join(words)
            if tail and not closed:
                following = todo[0] if todo else None
                below = hanging(text, indent, following)
                nxt = LINE.match(following or "")
                if nxt and nxt.group(2) == below and not BEGINS.match(nxt.group(3)) and not text.endswith((":", "|")):
                    todo[0] = f"{base} *{below}{' '.join(tail)} {nxt.group(3)}"
                else:
                    todo.insert(0, f"{base} *{below}{' '.join(tail)}")
                line = head
            elif tail:
                todo.insert(0, f"{base} *{hanging(text, indent, None)}{' '.join(tail)} */")
                line, closed = head, False
        inside = (inside or begins) and not closed
        out.append(line)
    return out


def main():
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            old = file.read()
        new = "\n".join(wrap(old.split("\n")))
        if new != old:
            with open(path, "w", encoding="utf-8") as file:
                file.write(new)
            print(path)


if __name__ == "__main__":
    main()
