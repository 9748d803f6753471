"""The tag in React and Vue: the code of the frameworks' page is built, checked by a compiler, opened and clicked."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from outside import Answer, Origin
from playwright.sync_api import Page, expect

ROOT = Path(__file__).parents[2]
WIDGET = ROOT / "widget"
CODE = ROOT / "examples" / "widget" / "frameworks"
NPM = shutil.which("npm")
PACKAGES = [
    "react@19.3.1", "react-dom@19.3.1", "@types/react@19.3.0", "@types/react-dom@19.3.0",
    "vue@3.5.45", "vue-tsc@3.3.14", "typescript@5.9.3",
]  # fmt: skip
SERVICE = "https://feedback.example.com"
TSCONFIG = """{
  "compilerOptions": {
    "strict": true, "noEmit": true, "target": "es2022", "module": "esnext", "moduleResolution": "bundler",
    "jsx": "react-jsx", "lib": ["es2022", "dom", "dom.iterable"], "types": [], "allowImportingTsExtensions": true
  },
  "include": ["*.ts", "*.tsx", "*.vue"],
  "vueCompilerOptions": { "strictTemplates": true }
}"""
REACT_APP = """import { createRoot } from 'react-dom/client';
import { Answer } from './answer.tsx';
createRoot(document.querySelector('main')!).render(<Answer id="p1" label="dog" />);
"""
VUE_APP = """import { createApp } from 'vue';
import Answer from './Answer.vue';
createApp(Answer, { id: 'p1', label: 'dog' }).mount('main');
"""
# What Vite's plugin does: a component's script and template become one module.
BUILD = """
import { readFileSync } from 'node:fs';
import { compileScript, parse } from 'vue/compiler-sfc';
const { build } = await import(process.argv[2]);
const isCustomElement = (tag) => tag.startsWith('seeme-');
const templateOptions = { compilerOptions: { isCustomElement } };
const vue = { name: 'vue', setup: ({ onLoad }) => onLoad({ filter: /\\.vue$/ }, ({ path }) => {
  const { descriptor } = parse(readFileSync(path, 'utf8'), { filename: path });
  const { content } = compileScript(descriptor, { id: 'x', inlineTemplate: true, templateOptions });
  return { contents: content, loader: 'ts' };
}) };
await build({
  entryPoints: ['react-app.tsx', 'vue-app.ts'], outdir: 'out', bundle: true, splitting: true, format: 'esm',
  jsx: 'automatic', plugins: [vue],
  define: { 'process.env.NODE_ENV': '"production"', __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
});
"""
MISTAKES = [
    ("answer.tsx", 'model-id="animals"', "model-id={7}"),
    ("answer.tsx", "detail.rating", "detail.rated"),
    ("answer.tsx", "labels=", "lables="),
    ("Answer.vue", 'model-id="animals"', ':model-id="7"'),
    ("Answer.vue", "detail.rating", "detail.rated"),
    ("Answer.vue", "['cat', 'dog', 'fox, red']", "5"),
]
PAGE = '<!doctype html><meta charset=utf-8><title>x</title><main></main><script type=module src="{}"></script>'

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def run(*command: str, cwd: Path, fails: bool = False) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=200)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application's folder: React, Vue, the widget as npm packs it, and the code of the page."""
    if NPM is None:
        pytest.skip("needs npm, which installs React and Vue")
    folder = tmp_path_factory.mktemp("frameworks")
    if not (WIDGET / "node_modules" / "esbuild").is_dir():
        run(NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=WIDGET)
    packed = run(NPM, "pack", "--silent", "--pack-destination", str(folder), cwd=WIDGET).split()[-1]
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    command = [NPM, "install", "--ignore-scripts", "--no-audit", "--no-fund", f"./{packed}", *PACKAGES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=200)
    if done.returncode:
        pytest.skip(f"needs a package registry, from which npm installs React and Vue: {done.stderr[-200:]}")
    for name in ("answer.tsx", "Answer.vue"):
        shutil.copy(CODE / name, folder)
    for name, text in {
        "react-app.tsx": REACT_APP,
        "vue-app.ts": VUE_APP,
        "build.mjs": BUILD,
    }.items():
        (folder / name).write_text(text)
    return folder


def check(folder: Path, fails: bool = False) -> str:
    """Check the types of what is in a folder, templates too."""
    (folder / "tsconfig.json").write_text(TSCONFIG)
    tool = folder / "node_modules" if (folder / "node_modules").exists() else folder.parent / "node_modules"
    return run("node", str(tool / "vue-tsc" / "bin" / "vue-tsc.js"), "--noEmit", cwd=folder, fails=fails)


def test_the_code_of_the_page_agrees_with_its_types(project: Path) -> None:
    """In JSX and in a strictly checked template."""
    assert check(project) == ""


def test_a_mistake_is_found(project: Path) -> None:
    """Types that take anything would be of no use: each file has one mistake, and each is named."""
    folder = project / "mistakes"
    folder.mkdir()
    for index, (name, right, wrong) in enumerate(MISTAKES):
        text = (CODE / name).read_text()
        assert right in text
        (folder / f"mistake{index}{Path(name).suffix}").write_text(text.replace(right, wrong))
    found = check(folder, fails=True)
    named = {line.split(".")[0] for line in found.splitlines() if not line.startswith(" ")}
    assert named == {f"mistake{index}" for index in range(len(MISTAKES))}


@pytest.fixture(scope="module")
def built(project: Path) -> Path:
    """The applications, built by esbuild; the service's address is filled in by the tests."""
    esbuild = WIDGET / "node_modules" / "esbuild" / "lib" / "main.js"
    run("node", "build.mjs", str(esbuild), cwd=project)
    return project / "out"


@pytest.fixture(params=["react-app.js", "vue-app.js"])
def application(request: pytest.FixtureRequest, built: Path, service: Origin, tmp_path: Path) -> Iterator[str]:
    """The address of an application that sends to the test's service."""
    for file in built.iterdir():
        (tmp_path / file.name).write_text(file.read_text().replace(SERVICE, service.address))
    (tmp_path / "index.html").write_text(PAGE.format(request.param))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_an_application_sends_and_hears(application: str, page: Page, service: Origin) -> None:
    """Attributes, a list and texts arrive at the element, votes at the service, and events at the application."""
    page.goto(application)
    page.get_by_role("button", name="Right", exact=True).click()
    outcome = page.locator("article > p")
    expect(outcome).to_have_text("stored as created")
    assert [name for name, _ in page.evaluate("heard")] == ["seeme-submit", "seeme-change", "seeme-success"]
    vote = service.feedback[0]
    assert (vote["model_id"], vote["prediction_id"], vote["rating"]) == ("animals", "p1", 1)
    page.get_by_role("button", name="Correct it").click()
    expect(page.locator("select option")).to_have_text(["", "cat", "fox, red"])
    page.locator("select").select_option("fox, red")
    service.answers.append(Answer(422, {"detail": "no such model"}))
    page.get_by_role("button", name="Send").click()
    expect(outcome).to_have_text("no such model")
    assert service.feedback[1]["correct_label"] == "fox, red"


def test_the_parts_are_chunks_of_the_bundle(built: Path) -> None:
    """A bundler keeps the form and detection mode out of what every page loads."""
    entry = (built / "react-app.js").read_text()
    chunks = [path.name for path in built.iterdir() if path.name.startswith("feedback-")]
    assert {name.rsplit("-", 1)[0] for name in chunks} == {"feedback-extras", "feedback-detection"}
    assert "seeme-boxes" not in entry
