"""axe-core in a page: what an automatic checker of accessibility finds, and what it leaves to people."""

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Page

WIDGET = Path(__file__).parents[2] / "widget"
SCRIPT = WIDGET / "node_modules" / "axe-core" / "axe.min.js"
# All of WCAG 2.2 that is A or AA, and what axe holds for good beyond it.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (tags) => {
  const words = ({ any, all, none }) => [...any, ...all, ...none].map(({ message }) => message).join('; ');
  const about = ({ id, nodes }) => nodes.map((node) => [id, node.target.flat().join(' '), words(node)]);
  const options = { runOnly: tags, rules: { 'target-size': { enabled: true } } };
  const { violations, incomplete, passes } = await axe.run(document, options);
  return [violations.flatMap(about), incomplete.flatMap(about), passes.map(({ id }) => id)];
}"""


@dataclass(frozen=True)
class Findings:
    """What axe says of a page: (rule, element, words) for what is wrong and for what a person must decide."""

    violations: list[tuple[str, str, str]]
    undecided: list[tuple[str, str, str]]
    passed: set[str]


@cache
def source() -> str:
    """Return axe's script, from the packages of the lock file, which are installed when they aren't there."""
    npm = shutil.which("npm")
    if not SCRIPT.exists() and npm is not None:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=WIDGET, capture_output=True, text=True, check=False, timeout=110)
        assert done.returncode == 0, done.stdout + done.stderr
    if not SCRIPT.exists():
        pytest.skip("needs axe-core, a development package of widget/, which npm installs")
    return SCRIPT.read_text()


def examine(page: Page) -> Findings:
    """Run axe on a page as it stands, shadow trees too."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(source())
    violations, undecided, passed = page.evaluate(RUN, TAGS)
    return Findings([tuple(one) for one in violations], [tuple(one) for one in undecided], set(passed))
