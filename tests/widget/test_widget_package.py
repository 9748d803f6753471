"""The npm package: it holds what it names and no more, its manifest is that of the sources, bundlers can use it."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from outside import DIST, ROOT

WIDGET = ROOT / "widget"
SOURCES = WIDGET / "src"
NODE = shutil.which("node")
NPM = shutil.which("npm")
needs_node = pytest.mark.skipif(not (NODE and NPM), reason="needs node and npm, which only building the widget takes")
PACKAGE = json.loads((WIDGET / "package.json").read_text())
TYPES = (SOURCES / "feedback-widget.d.ts").read_text()
BUNDLE = """
import { build } from 'esbuild';
const { metafile } = await build({
  stdin: { contents: "import '@seeme/feedback'", resolveDir: '.' }, bundle: true, splitting: true, format: 'esm',
  outdir: 'out', write: false, metafile: true,
});
console.log(JSON.stringify(metafile.outputs));
"""


def run(*command: str) -> str:
    """Run a command in the package's folder and return what it printed."""
    done = subprocess.run(command, cwd=WIDGET, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def declaration(tag: str) -> dict[str, Any]:
    """Return what custom-elements.json says of an element."""
    manifest = json.loads((WIDGET / "custom-elements.json").read_text())
    (found,) = [
        one for module in manifest["modules"] for one in module["declarations"] if one["tagName"] == tag
    ]  # fmt: skip
    return dict(found)


def names(declared: list[dict[str, Any]]) -> list[str]:
    """Return the names in a list of the manifest, each of which may stand there once."""
    found = [one["name"] for one in declared]
    assert len(found) == len(set(found))
    return sorted(found)


def interface(name: str) -> set[str]:
    """Return the members of an interface of the published types."""
    found = re.search(rf"interface {name}\b[^{{]*\{{\n(.*?)^\}}", TYPES, re.S | re.M)
    assert found
    return set(re.findall(r"^  (?:readonly |get |set )?'?([\w-]+)'?[:(]", found[1], re.M))


def source(*files: str) -> str:
    """Return sources, one after the other."""
    return "".join((SOURCES / file).read_text() for file in files)


def parts(*files: str) -> set[str]:
    """Return what the sources let a page style."""
    text = source(*files)
    fields = re.search(r"const FIELDS = \[(.*?)\]", text)
    named = {part for found in re.findall(r"part: '([a-z ]+)'", text) for part in found.split()}
    return (
        named | set(re.findall(r"\bbutton\('(\w+)'", text)) | set(re.findall(r"'(\w+)'", fields[1] if fields else ""))
    )


def custom_properties(folder: Path) -> set[str]:
    """Return the custom properties that the style sheets of a folder read."""
    return set(re.findall(r"var\((--seeme-[a-z-]+)", "".join(file.read_text() for file in folder.glob("*.css"))))


def test_the_manifest_has_every_attribute() -> None:
    """Those that the sources reflect or observe."""
    reflected = source("reflected.js").split("// A server")[0]
    assert names(declaration("seeme-feedback")["attributes"]) == sorted(re.findall(r"'([a-z-]+)'", reflected))
    observed = re.search(r"observedAttributes = \[(.*?)\]", source("boxes/element.js"))
    assert observed
    assert names(declaration("seeme-boxes")["attributes"]) == re.findall(r"'([a-z-]+)'", observed[1])


def test_the_manifest_has_every_property_and_method() -> None:
    """Those of the published types, and those of the box editor's source."""
    typed = interface("TextProperties") | interface("Mirrored") | interface("SeemeFeedbackElement")
    assert names(declaration("seeme-feedback")["members"]) == sorted(typed)
    boxes = source("boxes/element.js")
    given = re.search(r"for \(const name of \[(.*?)\]\) this\.#reflect", boxes)
    assert given
    own = set(re.findall(r"'(\w+)'", given[1])) | set(re.findall(r"^  (?:get )?([a-z]+)\(\) \{", boxes, re.M))
    assert names(declaration("seeme-boxes")["members"]) == sorted(own - {"constructor"})


def test_the_manifest_has_every_event() -> None:
    """Those of the published types."""
    assert names(declaration("seeme-feedback")["events"]) == sorted(interface("SeemeFeedbackEventMap"))
    fired = re.findall(r"new CustomEvent\('([a-z-]+)'", source("boxes/element.js"))
    assert names(declaration("seeme-boxes")["events"]) == fired


def test_the_manifest_has_every_part() -> None:
    """Those that the sources name; the box editor's are those of detection mode too."""
    boxes = parts("boxes/editor.js", "dom.js")
    own = parts("view.js", "form.js", "dom.js", "detection.js")
    assert names(declaration("seeme-feedback")["cssParts"]) == sorted(own | boxes)
    assert names(declaration("seeme-boxes")["cssParts"]) == sorted(boxes)


def test_the_manifest_has_every_custom_property() -> None:
    """Those that the style sheets read."""
    boxes = set(re.findall(r"var\((--seeme-[a-z-]+)", source("feedback.css", "boxes/boxes.css")))
    boxes.remove("--seeme-accent-text")  # of the send button, which detection mode alone has
    assert names(declaration("seeme-boxes")["cssProperties"]) == sorted(boxes)
    assert names(declaration("seeme-feedback")["cssProperties"]) == sorted(custom_properties(SOURCES))


def test_the_frameworks_types_have_every_attribute_and_event() -> None:
    """React's are written as in HTML, Vue's as properties."""
    mirrored = {one["fieldName"]: one["name"] for one in declaration("seeme-feedback")["attributes"]}
    del mirrored["lang"]
    settable = {"rating", "strings"}
    react = set(re.findall(r"^  '?([a-zA-Z-]+)'?\??:", source("react.d.ts"), re.M))
    assert react == set(mirrored.values()) - {"readonly"} | {"readOnly"} | settable
    vue = re.search(r"interface SeemeFeedbackProps \{(.*?)\n\}", source("vue.d.ts"), re.S)
    assert vue
    assert set(re.findall(r"^  (\w+)\??:", vue[1], re.M)) == set(mirrored) | settable


@needs_node
def test_the_package_holds_what_is_needed() -> None:
    """The build, the manifest, the licence and the README; no sources, no tests."""
    (packed,) = json.loads(run(str(NPM), "pack", "--dry-run", "--json"))
    held = {file["path"] for file in packed["files"]}
    about = {"package.json", "README.md", "LICENSE", "custom-elements.json"}
    assert held == about | {f"dist/{file.name}" for file in DIST.iterdir()}
    assert (WIDGET / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@needs_node
def test_every_entry_can_be_imported_on_a_server() -> None:
    """By the name that an application uses; scripts do nothing there, and lists and texts are JSON."""
    entries = [entry.replace("*", "de") for entry in PACKAGE["exports"]]
    program = """
      for (const entry of process.argv.slice(1)) {
        const type = entry.endsWith('.json') ? { with: { type: 'json' } } : undefined;
        await import(entry.replace('.', '@seeme/feedback'), type);
        console.log(entry);
      }
    """
    printed = run(str(NODE), "--no-warnings", "--input-type=module", "-e", program, "--", *entries)
    assert printed.split() == entries
    assert {".", "./classic", "./boxes", "./react", "./vue", "./lang/de.json", "./custom-elements.json"} <= set(entries)


@needs_node
def test_a_bundler_makes_chunks_of_the_parts() -> None:
    """What every page loads is the core; the form and detection mode are files of their own."""
    if not (WIDGET / "node_modules" / "esbuild").is_dir():
        run(str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    outputs = json.loads(run(str(NODE), "--input-type=module", "-e", BUNDLE))
    (entry,) = [output for output in outputs.values() if output.get("entryPoint") == "<stdin>"]
    assert set(entry["inputs"]) == {"<stdin>", "dist/feedback-widget.esm.js"}
    chunks = {name for output in outputs.values() for name in output["inputs"]}
    assert {"dist/feedback-extras.js", "dist/feedback-detection.js"} <= chunks
    assert [one["kind"] for one in entry["imports"]] == ["dynamic-import"] * 2
