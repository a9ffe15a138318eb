#!/usr/bin/env python3
"""Prints one Murphi model made from backwater.m.in.

usage: generate.py ACTORS WORKERS GUARDS MAIL [MUTANT [PROPERTY]]
With PROPERTY (a prefix such as T3) all other invariants and assertions are left out.
"""
import pathlib
import re
import sys

TAG = re.compile(r"--@ ([\w,]+) ([|+]) (.*)")
INVARIANT = re.compile(r'^invariant "([^"]*)"[^;]*;', re.M)
ASSERTION = re.compile(r'assert [^;]*"([^"]*)"\s*;')


def generate(source, mutant, only, sizes):
    out, used, names = [], False, set()
    base = None  # the last plain line: what "|" replaces
    for line in source.splitlines():
        tag = TAG.match(line)
        if not tag:
            base = len(out)
            out.append(line)
            continue
        names.update(tag[1].split(","))
        if mutant in tag[1].split(","):
            used = True
            if tag[2] == "|":
                out[base] = "" if tag[3] == ";" else tag[3]
            else:
                out.append(tag[3])
    if mutant and not used:
        sys.exit(f"no mutant {mutant}; there are: " + " ".join(sorted(names)))
    text = "\n".join(out) + "\n"
    for name, value in sizes.items():
        text = text.replace(f"@{name}@", value)
    if only:
        keep = lambda m: m[0] if m[1].startswith(only) else ""
        text = ASSERTION.sub(keep, INVARIANT.sub(keep, text))
    return text


if __name__ == "__main__":
    args = sys.argv[1:] + [""] * 6
    sizes = dict(zip(("ACTORS", "WORKERS", "GUARDS", "MAIL"), args))
    source = pathlib.Path(__file__).with_name("backwater.m.in").read_text()
    sys.stdout.write(generate(source, args[4], args[5], sizes))
