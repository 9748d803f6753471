"""The JavaScript twin of the assignment: the same vectors as in Python, from the package and from the service."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from measures import sizes
from outside import ROOT, Origin
from playwright.sync_api import Page
from test_widget_build import needs_node

VECTORS = (Path(__file__).parent / "assignment_vectors.json").read_text()
# Returns what is not as in the vectors, with what came instead.
COMPARE = """
(twin, vectors) => {
  const wrong = [];
  const tried = (call) => { try { return call(); } catch (error) { return error.name; } };
  const compare = (expected, name, ...given) => {
    const found = tried(() => twin[name](...given));
    if (JSON.stringify(found) !== JSON.stringify(expected)) wrong.push([name, given, expected, found]);
    count += 1;
  };
  let count = 0;
  for (const [seed, unit, expected] of vectors.hash01) compare(expected, 'hash01', seed, unit);
  for (const [shares, coverage, expected] of vectors.ranges) compare(expected, 'ranges', shares, coverage);
  for (const [seed, shares, coverage, unit, expected] of vectors.assigned) {
    compare(expected, 'assigned', seed, shares, coverage, unit);
  }
  for (const text of vectors.refused_texts) {
    compare('TypeError', 'hash01', text, 'user-1');
    compare('TypeError', 'hash01', 'test', text);
  }
  for (const shares of vectors.refused_shares) compare('RangeError', 'ranges', shares, 1);
  for (const coverage of [-0.1, 1.1, NaN]) compare('RangeError', 'ranges', [0.5, 0.5], coverage);
  for (const unit of ['', 42, null, undefined]) compare('TypeError', 'assigned', 'test', [0.5, 0.5], 1, unit);
  return { wrong, count };
}
"""
COUNT = sum(len(cases) for cases in json.loads(VECTORS).values()) + 3 + 3 + 4  # Texts twice; coverages; units.


@needs_node
def test_the_package_agrees_with_the_vectors() -> None:
    """Imported by its name, as a server or a bundle does."""
    program = f"""
      import * as twin from '@seeme/feedback/assign';
      import {{ readFileSync }} from 'node:fs';
      console.log(JSON.stringify(({COMPARE})(twin, JSON.parse(readFileSync(0, 'utf8')))));
    """
    command = [str(shutil.which("node")), "--input-type=module", "-e", program]
    done = subprocess.run(
        command, cwd=ROOT / "widget", input=VECTORS, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"wrong": [], "count": COUNT}


def test_a_page_agrees_with_the_vectors(page: Page, site: Origin, service: Origin) -> None:
    """Imported from the service, with no bundler."""
    page.goto(site.show("<p>A page.</p>"))
    compare = f"async (vectors) => ({COMPARE})(await import('{service.address}/seeme-assign.js'), JSON.parse(vectors))"
    assert page.evaluate(compare, VECTORS) == {"wrong": [], "count": COUNT}


@needs_node
def test_it_is_small_and_no_part_of_the_widget() -> None:
    """Pages with feedback alone don't pay for it; those that assign pay less than a kilobyte."""
    assert sizes()["seeme-assign.js"] <= 1024
    for name in ("feedback-widget.js", "feedback-widget.esm.js", "feedback-extras.js"):
        assert "16777619" not in (ROOT / "widget" / "dist" / name).read_text()


@pytest.mark.parametrize("name", ["hash01", "ranges", "assigned"])
def test_the_types_name_every_function(name: str) -> None:
    """And the compiler compares the source with them."""
    assert f"export declare function {name}(" in (ROOT / "widget" / "dist" / "seeme-assign.d.ts").read_text()
