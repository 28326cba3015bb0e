#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Serambi authors
"""Who may know whom: the tables of core/README.md, read from the built programs and from the sources.

linkage-test.py SERAMBI SERAMBI_DISPLAY SERAMBI_MEDIA
"""
import re
import subprocess
import sys

from tap import ROOT, check, done

# What a program must never be linked with, by the beginning of the library's name.
CODECS = ["libgst", "libav", "libsw", "libespeak", "libx264"]
FORBIDDEN = {
    "serambi": ["libwebsockets", "libSDL2", "libcairo", "libpango", "libyuv", *CODECS],
    "serambi-display": ["libsqlite3", "libespeak", *CODECS],
    "serambi-media": ["libwebsockets", "libsqlite3", "libuv", "libSDL2", "libcurl"],
}
# And what it must be: an empty list of libraries would pass the other half.
WANTED = {
    "serambi": ["libsqlite3", "libuv"],
    "serambi-display": ["libwebsockets", "libSDL2", "libuv"],
    "serambi-media": ["libgstreamer", "libespeak", "libseccomp"],
}

# The files that may include a wrapped library, and tests that look behind it.
HOMES = {
    r"libwebsockets\.h": ["core/dial.c"],
    r"sqlite3\.h": ["core/database.c", "core/store-test.c"],
    r"SDL.*\.h": ["media/screen/stage.c", "media/screen/glass.c", "media/screen/glass.h",
               "media/screen/mixer.c"],
    r"gst/.*": ["media/worker/chain.c"],
    r"espeak-ng/.*": ["media/worker/speech.c", "media/worker/phonemes-test.c"],
    r"ebur128\.h": ["media/worker/loudness.c"],
    r"seccomp\.h": ["media/worker/sandbox.c"],
    r"libyuv.*": ["media/screen/picture.c"],
}
# What plugins may include in angle brackets, beside C and POSIX headers of one word.
PLUGIN_LIBRARIES = ["glib.h", "jansson.h"]
SYSTEM_HEADERS = {
    "assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdarg.h", "stdbool.h",
    "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "time.h", "syslog.h",
    # Of POSIX: a plugin may speak with a device, in an errand.
    "arpa/inet.h", "fcntl.h", "netinet/in.h", "poll.h", "sys/socket.h", "unistd.h",
}
PLUGIN_TEST_HEADERS = r"core/host-test-kit\.h|plugins/testing\w*\.h"


def libraries(program):
    """The direct dependencies: what the loader brings along for them is theirs."""
    text = subprocess.run(["readelf", "-d", program], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+?)\]", text)


def check_program(name, program):
    linked = libraries(program)
    complaints = [f"{name} is linked with {library}" for library in linked for bad in FORBIDDEN[name]
                  if library.startswith(bad)]
    complaints += [f"{name} is not linked with {good}*" for good in WANTED[name]
                   if not any(library.startswith(good) for library in linked)]
    check(f"{name} is linked with what it may know", complaints)


def sources():
    for room in ["core", "media", "plugins", "tests"]:
        for path in sorted((ROOT / room).rglob("*.[ch]")):
            if "node_modules" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text()


def includes(text):
    return re.findall(r'^\s*#\s*include\s+([<"])(.+?)[>"]', text, re.MULTILINE)


def is_test(name):
    return bool(name.endswith("-test.c") or re.fullmatch(r"plugins/testing\w*\.h", name) or "-test-kit" in name or "/test_" in name)


def plain(text):
    """C without comments and texts, each replaced by as many line ends."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'
    return re.sub(pattern, lambda found: "\n" * found.group().count("\n"), text, flags=re.DOTALL)


def check_homes(files):
    seen = set()
    complaints = []
    for name, text in files.items():
        for _, header in includes(text):
            for pattern, homes in HOMES.items():
                if not re.fullmatch(pattern, header):
                    continue
                seen.add((pattern, name))
                if name not in homes:
                    complaints.append(f"{name} includes <{header}>, which only {', '.join(homes)} may know")
    complaints += [f"{home} does not include {pattern} any more: shorten the list" for pattern, homes in HOMES.items()
                   for home in homes if (pattern, home) not in seen]
    check("each wrapped library is known to its own files", complaints)


def may_plugin_include(name, kind, header):
    own = "/".join(name.split("/")[:2]) + "/"
    if kind == "<":
        return header in PLUGIN_LIBRARIES or header in SYSTEM_HEADERS
    return header == "core/plugin.h" or header.startswith(own) or (
        is_test(name) and re.fullmatch(PLUGIN_TEST_HEADERS, header) is not None)


def check_plugins(files):
    complaints = [f"{name} includes {header}" for name, text in files.items() if name.startswith("plugins/")
                  for kind, header in includes(text) if not may_plugin_include(name, kind, header)
                  and not (is_test(name) and kind == "<")]
    check("plugins include core/plugin.h and their own headers", complaints)


def check_core(files):
    plugins = sorted(path.parent.name for path in (ROOT / "plugins").glob("*/README.md"))
    # In texts and names: an id as a word of its own, with a colon, a slash or an underscore after it.
    pattern = re.compile(r'"(?:/api/)?(' + "|".join(plugins) + r')(?:[:/][^"]*)?"|\b(' + "|".join(plugins) + r')_[a-z]+\(')
    complaints = []
    for name, text in files.items():
        if not name.startswith("core/") or is_test(name):
            continue
        code = re.sub(r"/\*.*?\*/", lambda found: "\n" * found.group().count("\n"), text, flags=re.DOTALL)
        for number, line in enumerate(code.split("\n"), 1):
            if pattern.search(line):
                complaints.append(f"{name}:{number} names a plugin: {line.strip()}")
        complaints += [f"{name} includes {header}" for kind, header in includes(text)
                       if header.startswith(("plugins/", "media/"))]
    for path in sorted((ROOT / "core/page").glob("*.js")):
        code = re.sub(r"//.*|/\*.*?\*/", "", path.read_text())
        found = re.search(r"[\"'`](?:/api/)?(" + "|".join(plugins) + r")[:/]", code)
        if found and path.name != "plain.js":  # the page of old browsers, which load no plugin's module
            complaints.append(f"core/page/{path.name} names a plugin: {found.group()}")
    check("core/ names no plugin and no medium", complaints)


def check_worker(files):
    complaints = [f"{name} includes {header}" for name, text in files.items()
                  if name.startswith("media/worker/") and not is_test(name)
                  for _, header in includes(text) if header.startswith(("core/", "plugins/", "media/screen/", "media/deck"))
                  and header != "plugins/tutorials/cues.h"]  # captions have one writer; it knows nobody
    check("the worker knows neither host nor screen", complaints)


def check_loops(files):
    """GLib is a tool box: no loop of its own, no classes, no children. One class must be: GStreamer takes the memory for
    its pictures from nothing else."""
    allowed = {("media/worker/chain.c", "G_DEFINE_TYPE"), ("media/worker/chain.c", "g_object_new(")}
    pattern = re.compile(r"\bg_(main_loop|main_context|timeout_add|idle_add|subprocess|object_new|bus_own)\w*\s*\(|\bG_DEFINE_(FINAL_)?TYPE\b")
    complaints = [f"{name}: {found.group()}" for name, text in files.items() for found in pattern.finditer(plain(text))
                  if (name, found.group()) not in allowed]
    check("GLib without its loop and without its classes", complaints)


def main():
    for name, program in zip(FORBIDDEN, sys.argv[1:4], strict=True):
        check_program(name, program)
    files = dict(sources())
    check_homes(files)
    check_plugins(files)
    check_core(files)
    check_worker(files)
    check_loops(files)
    done()


if __name__ == "__main__":
    main()
