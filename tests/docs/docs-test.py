#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Serambi authors
"""The READMEs against the code: what they name is there, and what is there they name."""
import json
import os
import re
import subprocess
from functools import cache

from tap import ROOT, check, done

ROOMS = ["core", "media", "plugins", "tests", "packaging"]
HEADINGS = ["What it is", "Use it", "Change it", "Test it"]
NOT_OURS = {"node_modules", "__pycache__"}

# Folders without a README of their own, and why.
EXEMPT = {
    r"plugins/[a-z]+/page": "the plugin's README speaks of its page",
    r".*/words": "catalogues; core/page/README.md tells their rules",
    r"media/screen/page": "only a catalogue",
    r"tests/fuzz/corpus/[a-z]+": "seeds; tests/fuzz/README.md tells their rules",
    r"tests/golden/screens": "pictures; tests/golden/README.md tells their rules",
    r"packaging/[a-z]+": "packaging/README.md has a line for each",
}
# Folders whose README has a map of the files, which must be complete.
MAPPED = ["core", "media", "media/worker", "media/screen"]
# Names in examples.
EXAMPLES = ["plugins/hours/", "x.c", "x-test.c"]


def folders():
    for room in ROOMS:
        for folder, below, names in os.walk(ROOT / room):
            below[:] = sorted(set(below) - NOT_OURS)
            if names:
                yield os.path.relpath(folder, ROOT)


@cache
def readmes():
    found = {"README.md": (ROOT / "README.md").read_text()}
    for folder in folders():
        path = ROOT / folder / "README.md"
        if path.exists():
            found[f"{folder}/README.md"] = path.read_text()
    return found


def code_spans(text):
    """What stands between backticks, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE))


def find(readme, name):
    """The file of that name, seen from the README's folder or from the root."""
    for base in [(ROOT / readme).parent, ROOT]:
        if (base / name).exists():
            return base / name
    return None


def defines(path, function):
    text = path.read_text()
    name = re.escape(function)
    if path.suffix in (".c", ".h"):
        # At the line's beginning, and not ended by a semicolon: a definition, not a call or a promise.
        pattern = rf"^[A-Za-z][^\n;(]*\b{name}\((?:[^;{{}}]*)\)\s*\{{"
    elif path.suffix in (".js", ".mjs"):
        pattern = rf"(?:function\s+{name}\s*\(|^\s*(?:async\s+)?{name}\s*\([^\n]*\{{\s*$|(?:const|let)\s+{name}\s*=)"
    else:
        pattern = rf"^\s*def {name}\("
    return re.search(pattern, text, re.MULTILINE) is not None


def check_headings():
    complaints = []
    for folder in folders():
        if any(re.fullmatch(pattern, folder) for pattern in EXEMPT):
            continue
        text = readmes().get(f"{folder}/README.md")
        if text is None:
            complaints.append(f"{folder} has no README.md")
            continue
        missing = [name for name in HEADINGS
                   if not re.search(rf"^(#+ {name}\s*$|\*\*{name}\.\*\*)", text, re.MULTILINE)]
        complaints += [f"{folder}/README.md has no heading '{name}'" for name in missing]
    check("each folder has a README with the four headings", complaints)


def check_links():
    complaints = []
    for readme, text in readmes().items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            plain = target.split("#")[0]
            if plain and not re.match(r"[a-z]+:", plain) and not ((ROOT / readme).parent / plain).exists():
                complaints.append(f"{readme} links to {target}, which is not there")
    check("each relative link leads somewhere", complaints)


def check_functions():
    complaints = []
    count = 0
    for readme, text in readmes().items():
        for span in code_spans(text):
            found = re.fullmatch(r"([\w./-]+\.(?:c|h|js|mjs|py)):(\w+)", span)
            if not found:
                continue
            count += 1
            path = find(readme, found.group(1))
            if path is None:
                complaints.append(f"{readme} names {span}: no such file")
            elif not defines(path, found.group(2)):
                complaints.append(f"{readme} names {span}: not defined there")
    if count < 40:
        complaints.append(f"only {count} functions are named: is the pattern still right?")
    check("each file:function that a README names is defined there", complaints)


def check_paths():
    complaints = []
    for readme, text in readmes().items():
        for span in code_spans(text):
            for word in span.split():
                is_path = re.fullmatch(r"[\w.-]+(?:/[\w.-]+)*\.(?:c|h|py|mjs|wire|storyboard)", word) or (
                    re.fullmatch(r"[\w.-]+(?:/[\w.-]*)+", word) and word.split("/")[0] in ROOMS)
                if is_path and find(readme, word) is None and not any(word.startswith(name) for name in EXAMPLES):
                    complaints.append(f"{readme} names {word}, which is not there")
    check("each path that a README names is there", complaints)


def check_maps():
    complaints = []
    for folder in MAPPED:
        spans = code_spans(readmes().get(f"{folder}/README.md", ""))
        named = {re.sub(r"\.[ch]$", "", word) for span in spans for word in span.split()}
        for path in sorted((ROOT / folder).glob("*.c")):
            if not path.stem.endswith("-test") and path.stem not in named:
                complaints.append(f"{folder}/README.md does not name {path.name}")
    check("the maps of files are complete", complaints)


def table(path, pattern):
    """The names of a table in a C file."""
    return set(re.findall(pattern, (ROOT / path).read_text()))


def check_tables():
    core, worker = readmes()["core/README.md"], readmes()["media/worker/README.md"]
    complaints = []

    def compare(what, names, text, form):
        if not names:
            complaints.append(f"no {what} found in the code: is the pattern still right?")
        complaints.extend(f"{what} '{name}' is not in the README" for name in sorted(names)
                          if not re.search(form.format(re.escape(name)), text))

    compare("command", table("core/serambi.c", r'\{"(\w+)", \w+, (?:true|false)\}'), core, r"`serambi {} ?")
    compare("address", table("core/serve.c", r'web_route\(web, "(.+?)"') |
            table("core/client.c", r'web_route_websocket\(web, "(.+?)"') |
            table("core/events.c", r'web_route\(web, "(.+?)"'), core, r"`{}")
    compare("job", table("media/worker/main.c", r'\{"(\w+)", job_\w+,'), worker, r"\| `{}")
    compare("error", table("media/worker/report.c", r'\] = "(\w+)"'), worker, r"`{}`")
    check("commands, addresses, jobs and errors are told", complaints)


def check_suites():
    """Against what meson knows; without a build folder there is nothing to compare with."""
    build = os.environ.get("SERAMBI_BUILD")
    if not build:
        return
    tests = json.loads(subprocess.run(["meson", "introspect", "--tests", build], check=True, capture_output=True,
                                      text=True).stdout)
    names = {test["name"] for test in tests}
    suites = {suite.split(":")[-1] for test in tests for suite in test["suite"]}
    complaints = []
    for readme, text in readmes().items():
        complaints += [f"{readme} names the suite {suite}, which meson does not know"
                       for suite in re.findall(r"--suite[= ](\w+)", text) if suite not in suites]
        for words in re.findall(r"meson test -C \w+((?: (?!-)[\w-]+)+)", text):
            complaints += [f"{readme} names the test {name}, which meson does not know" for name in words.split()
                           if name not in names]
    told = readmes().get("tests/README.md", "")
    complaints += [f"tests/README.md does not name the suite {suite}" for suite in sorted(suites)
                   if f"`{suite}`" not in told]
    check("suites and tests have the names that READMEs give them", complaints)


def main():
    check_headings()
    check_links()
    check_functions()
    check_paths()
    check_maps()
    check_tables()
    check_suites()
    done()


if __name__ == "__main__":
    main()
