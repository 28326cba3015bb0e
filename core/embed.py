#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a folder of pages into one C table of SerambiAsset with gzip bytes, the same for the same input."""
import argparse
import gzip
import pathlib

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".storyboard": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--depfile", required=True)
    parser.add_argument("folder")
    options = parser.parse_args()

    folder = pathlib.Path(options.folder)
    paths = sorted(p for p in folder.rglob("*") if p.suffix in TYPES and p.is_file())
    lines = ['#include "core/plugin.h"', ""]
    entries = []
    for number, path in enumerate(paths):
        data = gzip.compress(path.read_bytes(), 9, mtime=0)
        lines.append(f"static const uint8_t file_{number}[] = {{")
        for start in range(0, len(data), 24):
            lines.append("    " + ",".join(str(byte) for byte in data[start : start + 24]) + ",")
        lines.append("};")
        name = path.relative_to(folder).as_posix()
        entries.append(
            f'    {{"{name}", "{TYPES[path.suffix]}", file_{number}, sizeof file_{number}}},'
        )
    symbol = options.symbol
    lines += [f"extern const SerambiAsset {symbol}[];", f"const SerambiAsset {symbol}[] = {{", *entries]
    lines += ["    {NULL, NULL, NULL, 0},", "};", ""]
    pathlib.Path(options.output).write_text("\n".join(lines))
    inputs = [str(p).replace(" ", "\\ ") for p in paths]
    # The folders are named too, so that a file that comes or goes is seen.
    inputs += [str(p) for p in [folder, *folder.rglob("*")] if p.is_dir()]
    pathlib.Path(options.depfile).write_text(f"{options.output}: {' '.join(inputs)}\n")


if __name__ == "__main__":
    main()
