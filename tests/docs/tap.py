# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Serambi authors
"""Test results as TAP: check() for each case, done() at the end."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
results = []


def check(name, complaints):
    """One case; it passes when nobody complains."""
    results.append(not complaints)
    print(f"{'not ' if complaints else ''}ok {len(results)} {name}")
    for complaint in complaints:
        print(f"# {complaint}")


def done():
    print(f"1..{len(results)}")
    sys.exit(0 if all(results) else 1)
