"""The API reference."""

from tests.pages.conftest import Visitor

from seeme.web.openapi import document
from seeme.web.pages_docs import Word, notes, read, type_of


async def test_every_operation_and_schema_of_the_document_is_on_the_page(stranger: Visitor) -> None:
    """It is open to all and leaves nothing out."""
    page = await stranger.get("/docs")
    assert page.status == 200
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            assert f'id="{operation["operationId"]}"' in page.text
            assert method.upper() in page.text
            assert path in page.text
    for name in document()["components"]["schemas"]:
        assert f'id="schema-{name}"' in page.text


def test_every_link_to_a_schema_has_its_target() -> None:
    """A type that is named can be looked up."""
    reference = read(document())
    names = {shape.name for shape in reference.shapes}
    words: list[Word] = []
    for operations in reference.groups.values():
        for operation in operations:
            words += operation.body + [word for answer in operation.answers for word in answer.type]
            words += [word for field in operation.parameters for word in field.type]
    words += [word for shape in reference.shapes for field in shape.fields for word in field.type]
    assert {word.ref for word in words if word.ref} <= names


def test_summary_and_description_that_say_the_same_are_shown_once() -> None:
    """The longer one stays when it begins like the other; different ones both stay."""
    shown = {one.anchor: (one.title, one.text) for group in read(document()).groups.values() for one in group}
    assert shown["delete_model"] == ("Delete a model with all its data", "")
    assert shown["delete_feedback"] == ("Delete feedback, and take it out of the sums", "")
    assert shown["approve_feedback"] == ("Approve feedback", "Say that feedback is right.")


def test_the_settings_of_a_model_are_explained() -> None:
    """What a model declares with `labels_complete` can be read where the field is."""
    shapes = {shape.name: shape for shape in read(document()).shapes}
    for name in ("Config", "ConfigPatch"):
        assert all(field.note for field in shapes[name].fields)
        assert any("every prediction gets its true label" in field.note for field in shapes[name].fields)


def test_types_are_written_as_people_read_them() -> None:
    """Lists, choices, maps and references have a notation each."""
    schema = {
        "anyOf": [
            {"type": "array", "items": {"$ref": "#/components/schemas/Model"}},
            {"enum": ["a", None]},
            {"type": "object", "additionalProperties": {"type": "number"}},
        ]
    }
    assert "".join(word.text for word in type_of(schema)) == 'list of Model | "a" | null | map of number'
    assert notes({"minimum": 0, "maxLength": 5, "default": 1}) == "at least 0; at most 5 characters; default 1"
