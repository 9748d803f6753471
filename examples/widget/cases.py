"""What the gallery shows: each case is a tag, what is done to it, and what is to be seen then."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from .stub import SHAPES

GROUNDS = {"paper": "white", "night": "dark", "sea": "blue", "sun": "yellow"}
ON_PAGE = f"image-src='/shapes.svg' boxes='{json.dumps(SHAPES)}'"


class Case(NamedTuple):
    """One element: its tag, what gallery.js does to it (`act`), and the place that is kept for it (`room`).

    What one service and model can't take keeps all later actions back: such cases have a model of their own.
    """

    name: str
    title: str
    words: str
    attributes: str = ""
    act: str = ""
    service: str = "ok"
    model: str = "animals"
    room: str = ""
    ground: str = ""
    fieldset: bool = False


class Section(NamedTuple):
    """A heading with its cases."""

    name: str
    title: str
    words: str
    cases: tuple[Case, ...]


STATES = (
    Case("empty", "Empty", "Nobody has voted yet."),
    Case("up", "Thumbs up", "Pressed and stored; a second press takes it back.", act="up"),
    Case("down", "Thumbs down", "Pressed and stored.", act="down"),
    Case("back", "Taken back", "The vote was sent, and taken back.", act="back"),
    Case("thanks", "Correction sent", "The form closes, and thanks only for what is stored.", act="corrected"),
    Case("sending", "Sending", "No answer for 15 seconds: then it is queued.", act="up", service="slow"),
    Case("queued", "Queued", "The service is full. It is kept, and sent later.", act="up", service="full"),
    Case("cut", "Queued without a connection", "The same, in other circumstances.", act="down", service="away"),
    Case("failed", "Failed", "The service refuses the content (422).", act="up", service="invalid"),
    Case("refused", "Failed for its key", "The key isn't allowed here (403).", act="up", service="refused"),
    Case("brief", "Failed without a queue", "With no-queue there is one try.", "no-queue", "up", "full", "plants"),
    Case("known", "A vote from before", "The prediction token brings the vote.", 'prediction-token="..."'),
    Case("disabled", "Disabled", "Nothing can be operated.", "disabled"),
    Case("readonly", "Read-only", "A vote to look at.", 'readonly value="1"'),
    Case("fieldset", "In a disabled fieldset", "Disabled as any other control.", fieldset=True),
    Case("wrong", "Misconfigured attribute", "It names the attribute, and warns in the console.", 'mode="stars"'),
    Case("keyless", "Without a model", "Nothing, and an error in the console.", model=""),
    Case("open", "Form open", "By its button; Escape closes it.", act="open", room="form"),
)
MODES = (
    Case("both", "Both", "Thumbs and a correction, without an attribute.", 'mode="both"'),
    Case("rating", "Rating", "Thumbs alone.", 'mode="rating"'),
    Case("correction", "Correction, free text", "The model's labels are suggested.",
         'mode="correction"', "open", room="form"),
    Case("closed", "Correction, closed labels", "A choice.",
         'mode="correction" labels="cat, dog, fox"', "open", room="form"),
    Case("predicted", "Correction of a label", "It isn't offered as an answer.",
         'mode="correction" labels="cat, dog, fox" predicted-label="dog"', "open", room="form"),
    Case("regression", "Correction of a number", "The model is a regression.",
         'mode="correction" predicted-label="42.5"', "open", model="prices", room="form"),
    Case("filled", "Filled in", "An answer and a note, not sent yet.", act="open fill", room="form"),
)  # fmt: skip
SIZES = (
    Case("comfortable", "Comfortable", "Targets of 36 pixels, without a setting.", act="up open", room="form"),
    Case("compact", "Compact", "--seeme-size: 1.5rem", act="up open", room="form", ground="compact"),
    Case("branded", "Branded by custom properties", "--seeme-*", act="up open", room="form", ground="branded"),
    Case("parts", "Branded by parts", "::part(...)", act="up open", room="form", ground="parts"),
    Case("narrow", "In a narrow column", "160 pixels wide.", act="up", room="narrow", ground="narrow", service="full",
         model="prices"),
)  # fmt: skip
DETECTION = (
    Case("page", "Boxes from the page", "Judge, move, resize, draw, by pointer or in the list.",
         f"mode='detection' {ON_PAGE}", model="shapes", room="boxes"),
    Case("judged", "Boxes from the service, judged", "For a prediction token; verdicts wait for Send.",
         "mode='detection' prediction-token='...'", "judge", model="shapes", room="boxes"),
    Case("viewed", "Read-only", "Boxes to look at.",
         f"mode='detection' readonly {ON_PAGE}", model="shapes", room="boxes"),
    Case("imageless", "The image doesn't come", "It says so; the boxes can be judged.",
         f"mode='detection' {ON_PAGE.replace('shapes.svg', 'missing.svg')}", model="shapes", room="boxes"),
    Case("boxless", "The boxes don't come", "It says so.",
         "mode='detection' image-src='/shapes.svg'", model="shapes", service="away", room="boxes"),
    Case("mirrored", "Right-to-left", "The list is mirrored, the image isn't.",
         f"mode='detection' lang='ar' {ON_PAGE}", model="shapes", room="boxes"),
)  # fmt: skip


def _themes() -> Iterable[Case]:
    for ground, colour in GROUNDS.items():
        for theme in ("auto", "light", "dark"):
            title = f"{theme.capitalize()} on {colour}"
            yield Case(f"{theme}-{ground}", title, "", f'theme="{theme}"', "up open", room="form", ground=ground)


def _languages(codes: Iterable[str]) -> Iterable[Case]:
    for code in codes:
        yield Case(f"lang-{code}", code, "", f'lang="{code}" predicted-label="42"', "up open", room="form")


def sections(codes: Iterable[str]) -> tuple[Section, ...]:
    """Return all of the gallery, for the languages that are built."""
    return (
        Section("states", "States", "What becomes of an action is said as it is.", STATES),
        Section("modes", "Modes", "What is asked.", MODES),
        Section("themes", "Themes", "Auto takes the colours around it; light and dark bring theirs.", tuple(_themes())),
        Section("sizes", "Sizes and brands", "The style sheet is at the end of this section.", SIZES),
        Section("languages", "Languages", "All that are built; a form is open in each.", tuple(_languages(codes))),
        Section("detection", "Detection", "A part that is loaded when it is used.", DETECTION),
    )
