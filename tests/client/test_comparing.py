"""Comparing versions through the client, as it is documented."""

import math

import pytest

from seeme.client import Client
from seeme.errors import Forbidden, Invalid


@pytest.fixture
def client(live):
    """A client of a running service."""
    with Client(live.url, live.admin_key) as client:
        yield client


def test_the_documented_comparison_runs(client):
    """Accuracies, the difference, and the items that one alone has right; what isn't known is NaN."""
    model = client.create_model("Birds")
    old_version, new_version = (client.create_model_version(model.id, name) for name in ("old", "new"))
    test_dataset = client.create_dataset("Birds")
    items = [{"id": f"i{at}", "label": "wren", "input_id": f"i{at}"} for at in range(12)]
    client.import_dataset_items(test_dataset.id, items)
    arguments = {"version_a": old_version.id, "version_b": new_version.id, "test_dataset_id": test_dataset.id}

    nothing = client.compare_models(model.id, **arguments)
    assert math.isnan(nothing.delta)
    assert f"{nothing.version_a.accuracy:.2%}" == "nan%"
    assert "no prediction for any of the 12 items" in nothing.reasons["delta"]

    answers = [
        {"model_id": model.id, "version_id": version.id, "input_id": f"i{at}", "label": label}
        for version in (old_version, new_version)
        for at in range(12)
        for label in ["robin" if version is old_version and at % 2 else "wren"]
    ]
    client.log_predictions(answers)
    comparison = client.compare_models(model_id=model.id, **arguments)
    assert f"{comparison.version_a.accuracy:.2%}" == "50.00%"
    assert f"{comparison.version_b.accuracy:.2%}" == "100.00%"
    assert f"{comparison.delta:.2%}" == "50.00%"
    found = client.get_disagreements(model.id, limit=None, **arguments)
    assert [(one.item_id, one.right, one.a.label) for one in found] == [
        (f"i{at}", "b", "robin") for at in (1, 11, 3, 5, 7, 9)
    ]
    several = client.compare_models(
        model.id, versions=[old_version.id, new_version.id], test_dataset_id=test_dataset.id
    )
    assert several.pairs == comparison.pairs


def test_what_makes_no_comparison_is_refused(client):
    """With the names of the arguments; and keys for some models only are, as a dataset may hold items of any model."""
    for arguments in (
        {"version_a": "old"},
        {"versions": ["old"]},
        {"versions": ["old", "new"], "version_a": "old", "version_b": "new"},
        {"version_a": "old", "version_b": "new", "split": "tset"},
    ):
        with pytest.raises(Invalid, match=r"version|split"):
            client.compare_models("birds", test_dataset_id="d", **arguments)
    model = client.create_model("Birds")
    key = client.create_key("secret", "Bob", scopes=["read"], models=[model.id]).key
    with Client(client._transport.base_url, key) as narrow:
        for call in (narrow.compare_models, narrow.get_disagreements):
            with pytest.raises(Forbidden, match="some models only"):
                call(model.id, version_a="a", version_b="b", test_dataset_id="d")
