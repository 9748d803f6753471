"""The texts of all languages: complete, clean, small, chosen by the page, and laid out as their script wants it."""

import json
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from measures import WATCH_SHIFTS
from outside import DIST, ROOT, Answer, Origin
from playwright.sync_api import Browser, Page, Route, expect

NODE = shutil.which("node")
FOLDER = ROOT / "widget" / "src" / "lang"
LANGUAGES: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.json")) if "." not in file.stem
}
GROUPS = ("core", "correction", "detection")
OTHERS = sorted(set(LANGUAGES) - {"en"})
FILE_BYTES = 450
Show = Callable[..., Page]


def english() -> dict[str, dict[str, str]]:
    """Return the groups of the source language, wherever the texts of detection mode stand."""
    apart = FOLDER / "en.detection.json"
    found = {"detection": json.loads(apart.read_text("utf-8"))} if apart.exists() else {}
    return {name: {**found, **LANGUAGES["en"]}[name] for name in GROUPS}


def texts(code: str) -> Iterator[tuple[str, str, str]]:
    """Yield group, key and text of a language."""
    for group in GROUPS:
        for key, text in LANGUAGES[code].get(group, {}).items():
            yield group, key, text


def is_right_to_left(words: str) -> bool:
    """Tell the direction from the letters, as Unicode has it."""
    classes = [unicodedata.bidirectional(letter) for letter in words]
    return sum(name in {"R", "AL"} for name in classes) > sum(name == "L" for name in classes)


def test_there_are_twenty_further_languages() -> None:
    """Three of them are written from right to left."""
    assert len(OTHERS) >= 20
    assert {"ar", "fa", "he"} <= set(OTHERS)
    assert all(code == code.lower() for code in LANGUAGES)
    assert len({language["language"] for language in LANGUAGES.values()}) == len(LANGUAGES)


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_has_the_keys_and_placeholders_of_english(code: str) -> None:
    """All of them, in the same order, and no others."""
    for group, source in english().items():
        found = LANGUAGES[code][group]
        assert list(found) == list(source)
        assert {key: text.count("{}") for key, text in found.items()} == {
            key: text.count("{}") for key, text in source.items()
        }
    assert set(LANGUAGES[code]) - {"dir"} == {"language", "reviewed", *GROUPS}


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_says_whether_a_speaker_has_read_it(code: str) -> None:
    """Whoever sets it to true for a language names the reader here."""
    readers = {"en": "the authors"}
    assert LANGUAGES[code]["reviewed"] is (code in readers)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_runs_from_right_to_left_where_its_script_does(code: str) -> None:
    """And only there."""
    words = "".join(text for _, _, text in texts(code))
    assert LANGUAGES[code].get("dir") == ("rtl" if is_right_to_left(words) else None)
    assert is_right_to_left(LANGUAGES[code]["language"]) == is_right_to_left(words)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_text_is_plain_text(code: str) -> None:
    """One line without markup, and only the invisible letter that Persian needs within words."""
    for group, key, text in texts(code):
        name = f"{code} {group}.{key}"
        assert text, name
        assert text == " ".join(text.split()) == unicodedata.normalize("NFC", text), name
        assert not set("<>&\\") & set(text), name
        hidden = {letter for letter in text if unicodedata.category(letter)[0] == "C"}
        assert hidden <= ({"\u200c"} if code == "fa" else set()), name
        assert text.count("{") == text.count("}") == text.count("{}"), name


@pytest.mark.skipif(not NODE, reason="needs node, whose brotli measures")
def test_a_language_is_small() -> None:
    """What a reader of another language pays, in bytes of brotli at quality 11, for each of the two files."""
    program = """
      const { brotliCompressSync: packed } = require('node:zlib');
      const sizes = process.argv.slice(1).map((file) => [file, packed(require('node:fs').readFileSync(file)).length]);
      console.log(JSON.stringify(Object.fromEntries(sizes)));
    """
    files = [str(DIST / f"feedback-{part}.{code}.json") for part in ("widget", "detection") for code in LANGUAGES]
    done = subprocess.run([str(NODE), "-e", program, *files], capture_output=True, text=True, check=True, timeout=60)
    sizes = json.loads(done.stdout)
    assert len(sizes) == 2 * len(LANGUAGES)
    assert {file: size for file, size in sizes.items() if size > FILE_BYTES} == {}


TAG = '<seeme-feedback model-id="m" prediction-id="p" api-key="pk_1_x" {}></seeme-feedback>'
CORS = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/json"}


@pytest.fixture
def show(page: Page, site: Origin, service: Origin) -> Show:
    """Open a page of a language, with the script and what else stands in it."""

    def open_page(content: str, lang: str = "en") -> Page:
        script = f'<html lang="{lang}"><script src="{service.address}/feedback-widget.js"></script>'
        page.goto(site.show(script + content))
        return page

    return open_page


def expect_language(page: Page, code: str, place: str = "seeme-feedback") -> None:
    """Wait until an element speaks a language, seen."""
    element = page.locator(place)
    expect(element.locator("[part~=correct]")).to_have_text(LANGUAGES[code]["core"]["correct"])
    expect(element.get_by_role("group")).to_have_attribute("lang", code)
    expect(element.locator("[part~=correct]")).to_be_visible()


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("lang", "content"),
    [
        ("en", TAG.format('lang="de"')),
        ("en", f'<div lang="de"><p>{TAG.format("")}</p></div>'),
        ("de", TAG.format("")),
        ("fr", f'<div lang="en"><div lang="de">{TAG.format("")}</div></div>'),
        ("de", f'<div><template shadowrootmode="open"><p>{TAG.format("")}</p></template></div>'),
        ("fr", f'<div lang="de"><template shadowrootmode="open"><p>{TAG.format("")}</p></template></div>'),
        ("fr", f'<div><template shadowrootmode="open"><p lang="de">{TAG.format("")}</p></template></div>'),
    ],
    ids=["element", "ancestor", "document", "nearest", "document of a shadow tree", "host", "within a shadow tree"],
)
def test_the_nearest_lang_chooses(show: Show, service: Origin, lang: str, content: str) -> None:
    """Of the element, of an ancestor, of the document, also across a shadow root; nothing else is loaded."""
    expect_language(show(content, lang), "de")
    asked = [request.path for request in service.requests if request.path.endswith(".json")]
    assert asked == ["/feedback-widget.de.json"]


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("locale", "code"), [("de-CH", "de"), ("ar-EG", "ar"), ("zh-TW", "zh-tw"), ("is-IS", "en")])
def test_the_browser_chooses_where_the_page_does_not(
    browser: Browser, site: Origin, service: Origin, locale: str, code: str
) -> None:
    """A page without `lang` is read in the browser's language."""
    context = browser.new_context(locale=locale)
    page = context.new_page()
    page.goto(site.show(f'<script src="{service.address}/feedback-widget.js"></script>' + TAG.format("")))
    expect_language(page, code)
    context.close()


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ("pt-BR", "pt"),
        ("pt-PT", "pt"),
        ("de-AT", "de"),
        ("DE-de", "de"),
        ("zh-TW", "zh-tw"),
        ("zh-CN", "zh"),
        ("ru-Cyrl-RU", "ru"),
        ("nb-NO", "nb"),
        ("no", "nb"),
        ("nn-NO", "nb"),
        ("tlh", "en"),
        ("x-private", "en"),
        ("../../v1", "en"),
        ("", "en"),
        ("en-GB", "en"),
    ],
)
def test_a_regional_language_falls_to_its_base(show: Show, wanted: str, code: str) -> None:
    """And an unknown one to English."""
    expect_language(show(TAG.format(f'lang="{wanted}"')), code)


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("wanted", ["zh-Hant", "zh-Hant-TW", "zh-HK", "zh-Hant-HK"])
def test_readers_of_traditional_chinese_get_it(show: Show, wanted: str) -> None:
    """Hong Kong and the codes that name the script are not read in Simplified Chinese."""
    page = show(TAG.format(f'lang="{wanted}"'))
    expect(page.get_by_role("group")).to_have_attribute("lang", "zh-tw", timeout=1000)


def test_a_language_that_does_not_come_is_english(page: Page, show: Show) -> None:
    """After a 404 the element is seen, works and says that it speaks English."""
    page.route("**/feedback-widget.de.json", lambda route: route.fulfill(status=404))
    show(TAG.format('lang="de"'))
    expect_language(page, "en")
    page.get_by_role("button", name="Thumbs up").click()
    expect(page.get_by_role("status")).to_have_text("Thank you")


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("body", ["<html>Sign in</html>", "", "null"])
def test_a_file_that_is_none_is_english(page: Page, show: Show, body: str) -> None:
    """Proxies and captive portals answer 200 with something else."""
    page.route("**/feedback-widget.de.json", lambda route: route.fulfill(body=body, headers=CORS))
    show(TAG.format('lang="de"'))
    expect_language(page, "en")


def test_a_language_that_never_comes_is_english(page: Page, show: Show) -> None:
    """It is given up; only the time limit is shortened here."""
    page.add_init_script("const limit = AbortSignal.timeout; AbortSignal.timeout = () => limit.call(AbortSignal, 300)")
    page.route("**/feedback-widget.de.json", lambda route: None)
    show(TAG.format('lang="de"'))
    expect_language(page, "en")


def test_a_missing_text_is_english(page: Page, show: Show) -> None:
    """A file of an older version lacks what is new; the rest stays in its language."""
    core = {key: text for key, text in LANGUAGES["de"]["core"].items() if key != "up"}
    body = json.dumps({"lang": "de", "dir": "", **core, "label": "Richtige Antwort"})
    page.route("**/feedback-widget.de.json", lambda route: route.fulfill(body=body, headers=CORS))
    show(TAG.format('lang="de"'))
    expect_language(page, "de")
    expect(page.get_by_role("button", name="Thumbs up")).to_be_visible()
    page.get_by_role("button", name="Korrigieren").click()
    expect(page.get_by_label("Richtige Antwort")).to_be_visible()
    expect(page.get_by_label("Note")).to_be_visible()


@pytest.mark.parametrize("code", ["ar", "fa", "he"])
def test_the_row_is_mirrored_in_a_page_from_left_to_right(show: Show, code: str) -> None:
    """The first thumb is on the right, and screen readers are told language and direction."""
    page = show(TAG.format(f'lang="{code}"'))
    expect_language(page, code)
    expect(page.get_by_role("group")).to_have_attribute("dir", "rtl")
    core = LANGUAGES[code]["core"]
    boxes = [page.get_by_role("button", name=core[key], exact=True).bounding_box() for key in ("up", "down", "correct")]
    left = [box["x"] for box in boxes if box]
    assert left == sorted(left, reverse=True)
    assert len(left) == 3
    assert page.get_by_role("group").evaluate("e => getComputedStyle(e).direction") == "rtl"


@pytest.mark.parametrize("code", ["ar", "hi", "ru", "zh-tw"])
def test_a_language_rates_and_corrects(show: Show, service: Origin, code: str) -> None:
    """A vote that is refused and tried again, and a correction, in the words of the file."""
    service.answers.append(Answer(422, {"detail": "no"}))
    page = show(TAG.format('predicted-label="dog"'), code)
    expect_language(page, code)
    core, correction = LANGUAGES[code]["core"], LANGUAGES[code]["correction"]
    page.get_by_role("button", name=core["up"], exact=True).click()
    expect(page.get_by_role("status")).to_have_text(core["error"])
    page.get_by_role("button", name=core["retry"], exact=True).click()
    expect(page.get_by_role("status")).to_have_text(core["success"])
    page.get_by_role("button", name=core["correct"], exact=True).click()
    page.get_by_label(correction["predicted"].replace("{}", "dog"), exact=True).fill("cat")
    page.get_by_label(correction["notes"], exact=True).fill("x")
    page.get_by_role("button", name=correction["send"], exact=True).click()
    page.wait_for_function("heard.filter(([name]) => name === 'seeme-success').length === 2")
    assert [body["feedback_type"] for body in service.feedback] == ["rating", "rating", "correction"]


def test_a_later_lang_changes_the_texts(show: Show) -> None:
    """Also of an open form, back and forth, from right to left and back, while the vote and the typed text stay."""
    page = show(TAG.format('lang="de"'))
    page.get_by_role("button", name="Daumen hoch").click()
    page.get_by_role("button", name="Korrigieren").click()
    page.get_by_label("Richtige Antwort").fill("Hund")
    element = page.locator("seeme-feedback")
    for code in ("ar", "en", "fr", "de"):
        element.evaluate("(e, code) => { e.lang = code }", code)
        expect_language(page, code)
        core, correction = LANGUAGES[code]["core"], LANGUAGES[code]["correction"]
        expect(page.get_by_role("status")).to_have_text(core["success"])
        expect(page.get_by_role("button", name=core["up"], exact=True)).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_label(correction["label"], exact=True)).to_have_value("Hund")
        expect(page.get_by_role("group")).to_have_attribute("dir", LANGUAGES[code].get("dir", ""))


def test_after_another_language_one_that_does_not_come_is_english(page: Page, show: Show) -> None:
    """No words of the language before remain, and the element doesn't say that it still speaks it."""
    page.route("**/feedback-widget.fr.json", lambda route: route.fulfill(status=404))
    show(TAG.format('lang="ar"'))
    expect_language(page, "ar")
    page.locator("seeme-feedback").evaluate("e => { e.lang = 'fr' }")
    page.wait_for_timeout(500)
    assert page.locator("seeme-feedback").evaluate("e => [e.strings.lang, e.strings.dir, e.strings.correct]") == [
        "en",
        "",
        "Correct it",
    ]


def test_the_strings_of_the_page_win(show: Show) -> None:
    """Before and after the language has come, and after another one."""
    page = show("<main></main>", "de")
    page.evaluate("""() => {
      const element = document.createElement('seeme-feedback');
      Object.assign(element, { modelId: 'm', predictionId: 'p', apiKey: 'k', strings: { up: 'Passt', retry: 'Los' } });
      document.querySelector('main').append(element);
    }""")
    for code in ("de", "ar"):
        page.locator("seeme-feedback").evaluate("(e, code) => { e.lang = code }", code)
        expect_language(page, code)
        expect(page.get_by_role("button", name="Passt")).to_be_visible()
        expect(page.get_by_role("button", name=LANGUAGES[code]["core"]["down"], exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [320, 700])
def test_nothing_moves_when_the_texts_come_late(page: Page, show: Show, width: int) -> None:
    """All languages in one page: their places are as large before, and until then nothing of them is seen."""
    held: list[Route] = []
    page.set_viewport_size({"width": width, "height": 2000})
    page.add_init_script(WATCH_SHIFTS)
    page.route("**/feedback-widget.*.json", lambda route: held.append(route))
    tags = [TAG.format(f'lang="{code}"') + "<p>What stands below.</p>" for code in OTHERS]
    show('<body style="font-family: sans-serif">' + "".join(tags))
    while len(held) < len(OTHERS):
        page.wait_for_timeout(20)
    page.wait_for_timeout(200)
    assert len(held) == len(OTHERS)
    assert page.evaluate("[...document.querySelectorAll('seeme-feedback')].every((e) => e.offsetHeight >= 36)")
    assert not page.locator("seeme-feedback[lang=de] [part~=correct]").is_visible()
    for route in held:
        route.continue_()
    for code in OTHERS:
        expect_language(page, code, f"seeme-feedback[lang={code}]")
    page.wait_for_timeout(200)
    assert page.evaluate("shifts") == []


FITS = """() => [...document.querySelectorAll('seeme-feedback')].flatMap((element) => {
  const { width } = document.documentElement.getBoundingClientRect();
  return [...element.shadowRoot.querySelectorAll('button, input, textarea, output, [part=outcome]')]
    .filter((node) => node.checkVisibility()).map((node) => [node, node.getBoundingClientRect()])
    .filter(([node, box]) => box.left < 0 || box.right > width || node.scrollWidth > node.clientWidth + 1
      || (!/^(output|div)$/i.test(node.tagName) && (box.width < 24 || box.height < 24)))
    .map(([node]) => `${element.lang} ${node.getAttribute('part')} ${node.textContent}`);
})"""


def open_all(page: Page, show: Show) -> None:
    """Show every language at 320 px, each with a prediction of its own."""
    page.set_viewport_size({"width": 320, "height": 2000})
    tags = [TAG.replace('"p"', f'"{code}"').format(f'lang="{code}" predicted-label="dog"') for code in LANGUAGES]
    show('<meta name=viewport content="width=device-width"><body style="font-family: sans-serif">' + "".join(tags))
    for code in LANGUAGES:
        expect_language(page, code, f"seeme-feedback[lang={code}]")


@pytest.mark.long
@pytest.mark.timeout(120)
def test_every_language_fits_320_pixels(page: Page, show: Show) -> None:
    """With the form open: nothing overflows the page or its control, and every target has 24 pixels."""
    open_all(page, show)
    assert page.evaluate(FITS) == []
    for toggle in page.locator("[part~=correct]").all():
        toggle.click()
    expect(page.locator("textarea:visible")).to_have_count(len(LANGUAGES))
    assert page.evaluate(FITS) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 320


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("status", [422, 0])
def test_every_failure_fits_320_pixels(page: Page, show: Show, status: int) -> None:
    """The outcome, refused or queued, and its button stay within the row and keep its height."""

    def fail(route: Route) -> None:
        if status:
            route.fulfill(status=status, headers=CORS, body="{}")
        else:
            route.abort()

    page.route("**/v1/feedback", fail)
    open_all(page, show)
    heights = "[...document.querySelectorAll('seeme-feedback')].map((e) => [e.lang, e.offsetHeight])"
    before = page.evaluate(heights)
    for thumb in page.locator("[part~=up]").all():
        thumb.click()
    expect(page.locator("[part~=retry]:visible")).to_have_count(len(LANGUAGES))
    assert page.evaluate(FITS) == []
    assert page.evaluate(heights) == before
