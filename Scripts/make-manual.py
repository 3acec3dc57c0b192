#!/usr/bin/env python3
"""Writes the man pages of a swift-argument-parser program from its own description.

Usage: PROGRAM --experimental-dump-help | make-manual.py DIRECTORY
One page in man(7) for each command that is not hidden: sojourn.1, sojourn-run.1, sojourn-image-build.1, ...
The input is swift-argument-parser's ToolInfo, serialization version 0.
"""
import json
import os
import pathlib
import re
import sys
import textwrap
import time

STATUSES = {
    "0": "Done.",
    "1": "Failed.",
    "2": "Wrong usage.",
    "3": "What was named was not found.",
}
# Of the commands that run a payload: theirs is its status.
PAYLOAD_COMMANDS = ("run", "shell")
PAYLOAD_STATUSES = {
    "124": "The wall time or the processor time was reached.",
    "125": "Sojourn refused, or failed.",
    "126": "The command was found, but cannot be run.",
    "127": "The command was not found.",
}
ENVIRONMENT = {
    "SOJOURN_HOME": "The directory of images and machines, unless --home is given. Where neither is given, it is the "
    "directory sojourn in XDG_DATA_HOME, or else in ~/.local/share."
}

# groff would set these as typographic characters, or take them for its own.
ESCAPES = str.maketrans(
    {"\\": r"\(rs", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
)


def escape(text):
    """The text for a line of roff, or a part of one: plain ASCII, with nothing in it that roff would act on."""
    text = re.sub(r"[^ -~]", lambda match: rf"\[u{ord(match[0]):04X}]", text.translate(ESCAPES))
    # A dot begins a request at the start of a line only; an apostrophe was replaced.
    return re.sub(r"^\.", r"\\&.", text)


def bold(text):
    return rf"\fB{escape(text)}\fR"


def italic(text):
    return rf"\fI{escape(text)}\fR"


def prose(text):
    """Lines to be filled. Each sentence begins a line of its own, as roff tells sentences by that."""
    sentences = re.split(r"(?<=[.!?]) ", " ".join(text.split()))
    return [escape(line) for sentence in sentences for line in textwrap.wrap(sentence, 72, break_on_hyphens=False)]


def paragraphs(text, program):
    """The lines of a discussion. A paragraph of command lines, or an indented one, keeps its line breaks."""
    lines = []
    for paragraph in filter(None, re.split(r"\n\s*\n", text.expandtabs().strip("\n"))):
        rows = textwrap.dedent(paragraph).splitlines()
        literal = all(row.startswith((program + " ", "  ")) for row in paragraph.splitlines())
        lines += [".PP", *([".nf", ".RS 4", *map(escape, rows), ".RE", ".fi"] if literal else prose(paragraph))]
    return lines


def definitions(pairs):
    """A list of terms, already roff, each with the lines that explain it."""
    return [line for word, lines in pairs for line in (".TP", word, *(lines or [r"\&"]))]


def table(meanings):
    return definitions((bold(word), prose(meaning)) for word, meaning in meanings.items())


def shown(infos):
    return [info for info in infos or [] if info.get("shouldDisplay", True)]


def subcommands(command):
    return [child for child in shown(command.get("subcommands")) if child["commandName"] != "help"]


def path(command):
    return [*command.get("superCommands", []), command["commandName"]]


def page_name(command):
    return "-".join(path(command))


def flag(name):
    return bold(("--" if name["kind"] == "long" else "-") + name["name"])


def term(argument):
    """How an argument is written: its names, short ones first, and its value."""
    value = italic(argument.get("valueName", "value"))
    if argument["kind"] == "positional":
        return value + " ..." if argument["isRepeating"] else value
    names = ", ".join(flag(name) for name in sorted(argument["names"], key=lambda name: name["kind"] == "long"))
    return names if argument["kind"] == "flag" else f"{names} {value}"


def explanation(argument):
    meanings = argument.get("allValueDescriptions", {})
    values = [f"{each} ({meanings[each]})" if meanings.get(each) else each for each in argument.get("allValues", [])]
    lines = prose(argument.get("abstract", "")) + prose(argument.get("discussion", ""))
    if values:
        lines += prose(f"One of: {', '.join(values)}.")
    if "defaultValue" in argument:
        lines += prose(f"Default: {argument['defaultValue']}.")
    return lines


def synopsis(command):
    words = [bold(" ".join(path(command)))]
    if subcommands(command):
        return " ".join([*words, italic("command"), f"[{italic('argument')} ...]"])
    arguments = shown(command.get("arguments"))
    if any(each["isOptional"] and each["kind"] != "positional" for each in arguments):
        words.append(f"[{italic('option')} ...]")
    for each in arguments:
        if each["kind"] != "positional":
            words += [] if each["isOptional"] else [term({**each, "names": [each["preferredName"]]})]
            continue
        passed_on = each["parsingStrategy"] in ("allRemainingInput", "postTerminator")
        text = f"{bold('--')} {term(each)}" if passed_on else term(each)
        words.append(f"[{text}]" if each["isOptional"] else text)
    return " ".join(words)


def exit_status(command):
    words = path(command)
    if len(words) == 2 and words[1] in PAYLOAD_COMMANDS:
        return prose("The status of the command that was run, or:") + table(PAYLOAD_STATUSES)
    lines = table(STATUSES)
    if len(words) == 1:
        lines += [".PP", *prose(f"Of {' and '.join(PAYLOAD_COMMANDS)}: the status of the command that was run, or:")]
        lines += table(PAYLOAD_STATUSES)
    return lines


def see_also(command):
    words = path(command)
    names = ["-".join(words[:count]) for count in range(1, len(words))] + [*map(page_name, subcommands(command))]
    return [", ".join(f"{bold(name)}(1)" for name in names)] if names else []


def page(command, date):
    name, program = page_name(command), path(command)[0]
    abstract = command.get("abstract", name)
    arguments = shown(command.get("arguments"))
    sections = {
        "NAME": prose(f"{name} - {abstract.rstrip('.')}"),
        "SYNOPSIS": [synopsis(command)],
        "DESCRIPTION": prose(abstract) + paragraphs(command.get("discussion", ""), program),
        "OPTIONS": definitions((term(each), explanation(each)) for each in arguments if each["kind"] != "positional"),
        "ARGUMENTS": definitions((term(each), explanation(each)) for each in arguments if each["kind"] == "positional"),
        "COMMANDS": table({each["commandName"]: each.get("abstract", "") for each in subcommands(command)}),
        "EXIT STATUS": exit_status(command),
        "ENVIRONMENT": table(ENVIRONMENT),
        "SEE ALSO": see_also(command),
    }
    lines = [f'.TH "{escape(name.upper())}" 1 {date} "{escape(program)}" "User Commands"', ".ad l", ".nh"]
    for title, body in sections.items():
        lines += [f".SH {title}", *body] if body else []
    return "\n".join(lines) + "\n"


def all_commands(command):
    yield command
    for child in subcommands(command):
        yield from all_commands(child)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: PROGRAM --experimental-dump-help | make-manual.py DIRECTORY")
    tool = json.load(sys.stdin)
    if tool["serializationVersion"] != 0:
        sys.exit(f"make-manual.py: serialization version {tool['serializationVersion']} is not known, only 0")
    # So that two builds give the same pages: https://reproducible-builds.org/specs/source-date-epoch/
    date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for command in all_commands(tool["command"]):
        (directory / f"{page_name(command)}.1").write_text(page(command, date), encoding="ascii")


main()
