"""docs/cli.md tells of every command and option, and of none that isn't there."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from seeme.cli import _parser

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(parser, name="seeme"):
    """Return every command that can be run, by its name, with its parser."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        return {name: parser}
    found = {}
    for word, each in inner[0].choices.items():
        found |= commands(each, f"{name} {word}")
    return found


COMMANDS = commands(_parser())
SECTIONS = dict(re.findall(r"^## `(seeme[^`]*)`\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
EXAMPLES = [
    line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines() if line.strip()
]


def test_every_command_is_documented_and_no_other():
    """Each command has a section of its own."""
    assert set(SECTIONS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented_with_its_command(name):
    """A section has an example of its command, and names all its options but --data and --help."""
    assert re.search(rf"```sh\n(.*\n)*?{name} ?", SECTIONS[name])
    for action in COMMANDS[name]._actions:
        for option in {*action.option_strings} - {"-h", "--help", "--data"}:
            assert re.search(rf"{option}\b", SECTIONS[name]), f"{name} {option}"


@pytest.mark.parametrize("name", COMMANDS)
def test_no_documented_option_is_unknown(name):
    """What a section calls an option of its command is one, of this command or of the one it points to."""
    known = {option for action in COMMANDS[name]._actions for option in action.option_strings}
    known |= {option for action in COMMANDS["seeme serve"]._actions for option in action.option_strings}
    for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", SECTIONS[name]):
        assert option in known


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_is_understood(line):
    """The parser takes each example as it stands."""
    words = shlex.split(line.split(" | ")[0])
    assert words[0] == "seeme"
    assert callable(_parser().parse_args(words[1:]).run)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_is_for(name):
    """The help of a command and of each of its arguments isn't empty."""
    assert COMMANDS[name].description
    undocumented = [action.dest for action in COMMANDS[name]._actions if action.option_strings and not action.help]
    known = {"scope", "kind", "model", "task", "format", "id"}  # choices, or a name, that say it themselves
    assert set(undocumented) <= known
