"""What the widget weighs and takes, as the tests hold it to its targets and `make widget-report` prints it."""

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from outside import DIST
from playwright.sync_api import Page

# The most that each may be.
TARGETS = {
    "core, classic script (bytes of brotli)": 4096,
    "core, module (bytes of brotli)": 4096,
    "detection part (bytes of brotli)": 3584,
    "extras, which it needs (bytes of brotli)": 3856,
    "largest file of a language (bytes of brotli)": 450,
    "1,000 elements (ms of the main thread)": 300,
    "memory kept of an element that is gone (bytes)": 400,  # 169-215 seen; one that is kept has thousands
    "layout shifts": 0,
    "violations of the strictest CSP and Trusted Types": 0,
    "violations that axe finds": 0,
    "actions lost": 0,
    "actions stored twice": 0,
    "requests beyond one per action, when healthy": 0,
}
Record = Callable[[str, object], None]
BROTLI = """
  const { brotliCompressSync, constants } = require('node:zlib');
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  const size = (file) => brotliCompressSync(require('node:fs').readFileSync(file), options).length;
  console.log(JSON.stringify(process.argv.slice(1).map(size)));
"""
# Written before anything else runs, so that no shift is missed.
WATCH_SHIFTS = """
  window.shifts = [];
  const rect = ({ x, y, width, height }) => [x, y, width, height].join(' ');
  // Of what lies in a shadow tree the browser tells the place only.
  const describe = (shift) => [shift.value, ...shift.sources.map(({ node, previousRect, currentRect }) =>
    `${rect(previousRect)} -> ${rect(currentRect)} ${node?.outerHTML ?? node?.data ?? ''}`)];
  new PerformanceObserver((list) => shifts.push(...list.getEntries().map(describe)))
    .observe({ type: 'layout-shift', buffered: true });
"""
THOUSAND = """() => {
  const list = document.createElement('main');
  const tag = (number) => {
    const element = document.createElement('seeme-feedback');
    const names = { 'model-id': 'm', 'prediction-id': 'p' + number, 'api-key': 'k' };
    for (const [name, value] of Object.entries(names)) element.setAttribute(name, value);
    return element;
  };
  for (let number = 0; number < 1000; number++) list.append(tag(number));
  document.body.append(list);
  return document.body.offsetHeight;
}"""


def within(record: Record, name: str, value: float) -> None:
    """Compare a measured value with its target, and leave it to the report."""
    record(name, value)
    assert value <= TARGETS[name], name


def sizes() -> dict[str, int]:
    """Return the bytes of brotli at quality 11 of every built file; needs node."""
    files = sorted(file for file in DIST.iterdir() if file.suffix in (".js", ".json"))
    command = [str(shutil.which("node")), "-e", BROTLI, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=110)
    return dict(zip([file.name for file in files], json.loads(done.stdout), strict=True))


# As many shadow trees of as many nodes, without a widget.
BARE = """() => {
  const list = document.createElement('main');
  const drawing = () => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.append(document.createElementNS('http://www.w3.org/2000/svg', 'path'));
    return svg;
  };
  const button = () => {
    const button = document.createElement('button');
    button.append(drawing(), document.createElement('span'));
    return button;
  };
  for (let number = 0; number < 1000; number++) {
    const element = document.createElement('div');
    element.attachShadow({ mode: 'open' }).append(button(), button(), button(), button());
    list.append(element);
  }
  document.body.append(list);
  return document.body.offsetHeight;
}"""


def worked(page: Page, program: str = THOUSAND) -> float:
    """Return the milliseconds that a page with the script works on a thousand elements: made, styled and laid out.

    In time of its main thread, as other programs of a busy machine would be measured otherwise.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def total() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration")) * 1000

    before = total()
    page.evaluate(program)
    return total() - before


def shifts(page: Page) -> list[Any]:
    """Return the layout shifts since a page with WATCH_SHIFTS was opened, each with what moved."""
    page.wait_for_timeout(100)
    found: list[Any] = page.evaluate("shifts")
    return found


def kept_per_element(page: Page) -> float:
    """Return the bytes of heap that stay of an element that was added, used and removed, over 10 rounds of 100."""
    session = page.context.new_cdp_session(page)
    cycle = """async () => {
      const make = (number) => {
        const element = document.createElement('seeme-feedback');
        Object.assign(element, { modelId: 'm', predictionId: 'p' + number, apiKey: 'k' });
        document.body.append(element);
        return element;
      };
      const elements = Array.from({ length: 100 }, (_, number) => make(number));
      await Promise.all(elements.slice(0, 5).map((element) => element.rate(1)));
      await elements[9].correct('cat');
      for (const element of elements) element.remove();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }"""

    def used() -> float:
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"])

    page.evaluate(cycle)
    page.evaluate(cycle)
    before = used()
    for _ in range(10):
        page.evaluate(cycle)
    return (used() - before) / 1000
