#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints ctest's result as one plain line: `N passed, N failed, N skipped`."""
import re
import sys

PATTERN = re.compile(r"^\s*\d+/\d+ Test\s+#\d+: .*?(Passed|\*\*\*Skipped|\*\*\*Failed|\*\*\*\S+|\*\*\*Not Run)")


def main() -> None:
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        for line in log:
            match = PATTERN.match(line)
            if match:
                result = match.group(1)
                kind = "passed" if result == "Passed" else "skipped" if "Skipped" in result or "Disabled" in line else "failed"
                counts[kind] += 1
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")


if __name__ == "__main__":
    main()
