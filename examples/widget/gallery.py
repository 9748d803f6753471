"""The pages that are made: the gallery from its cases, and the frameworks' from the code that the tests run."""

from html import escape
from pathlib import Path
from string import Template

from .cases import Case, Section, sections

HERE = Path(__file__).parent
CASE = Template("""<article id="$name">
<h3>$title</h3>
$words<div class="stage $room $ground">$element</div>
<details><summary>Tag</summary><pre><code>$code</code></pre></details>
</article>""")
SECTION = Template("""<section aria-labelledby="$name">
<h2 id="$name">$title</h2>
<p>$words</p>
<div class="cases">
$cases
</div>
</section>""")


def languages(built: Path) -> list[str]:
    """Return the codes of the languages that are built."""
    return sorted(path.name.split(".")[1] for path in built.glob("feedback-widget.*.json"))


def tag(case: Case) -> str:
    """Return the tag of a case, as a page would have it."""
    model = f'model-id="{case.model}" ' if case.model else ""
    more = f" {case.attributes}" if case.attributes else ""
    element = (
        f'<seeme-feedback endpoint="/{case.service}" {model}prediction-id="{case.name}" api-key="pk_..."'
        f"{more}></seeme-feedback>"
    )
    return f"<fieldset disabled>{element}</fieldset>" if case.fieldset else element


def _case(case: Case) -> str:
    code = tag(case)
    act = f'<seeme-feedback data-act="{case.act}"' if case.act else "<seeme-feedback"
    return CASE.substitute(
        name=case.name,
        title=escape(case.title),
        words=f"<p>{escape(case.words)}</p>\n" if case.words else "",
        room=case.room,
        ground=case.ground,
        element=code.replace("<seeme-feedback", act),
        code=escape(code),
    )


def _section(section: Section) -> str:
    cases = "\n".join(_case(case) for case in section.cases)
    return SECTION.substitute(name=section.name, title=section.title, words=section.words, cases=cases)


def _page(name: str, **values: str) -> str:
    return Template((HERE / "pages" / name).read_text(encoding="utf-8")).substitute(values)


def render(built: Path) -> str:
    """Return the gallery."""
    shown = sections(languages(built))
    return _page(
        "gallery.html",
        contents="\n".join(f'<li><a href="#{section.name}">{section.title}</a></li>' for section in shown),
        sections="\n".join(_section(section) for section in shown),
        brand=escape((HERE / "pages" / "brand.css").read_text(encoding="utf-8")),
    )


def render_frameworks() -> str:
    """Return the page with the code for React and Vue."""
    code = {name: (HERE / "frameworks" / name).read_text(encoding="utf-8") for name in ("answer.tsx", "Answer.vue")}
    return _page("frameworks.html", react=escape(code["answer.tsx"]), vue=escape(code["Answer.vue"]))
