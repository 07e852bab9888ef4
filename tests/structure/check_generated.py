#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds generated parts of the tree against what the program says now, or brings them up to date.

usage: check_generated.py ROOT LOONGFORGE [--write]
configs/schema.json, and the parts of docs/configuration.md and docs/commands.md between `<!-- generated -->` and
`<!-- end of generated -->`.
"""
import pathlib
import subprocess
import sys

BEGIN, END = "<!-- generated -->\n", "<!-- end of generated -->\n"


def said(program: str, *arguments: str) -> str:
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout


def with_part(page: str, part: str, name: str) -> str:
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        sys.exit(f"{name}: it must have one {BEGIN.strip()} and one {END.strip()}")
    head, rest = page.split(BEGIN)
    return head + BEGIN + "\n" + part.strip() + "\n\n" + END + rest.split(END)[1]


def main() -> int:
    root, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    wanted = {root / "configs/schema.json": said(program, "config", "schema")}
    for name, arguments in {"docs/configuration.md": ("config", "markdown"), "docs/commands.md": ("help", "--markdown")}.items():
        page = root / name
        wanted[page] = with_part(page.read_text(encoding="utf-8"), said(program, *arguments), name)
    stale = [path for path, text in wanted.items()
             if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--write" in sys.argv:
        for path in stale:
            path.write_text(wanted[path], encoding="utf-8")
        return 0
    for path in stale:
        print(f"{path.relative_to(root)} is not what the program says; "
              f"to renew it: python3 tests/structure/check_generated.py . build/release/bin/loongforge --write")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
