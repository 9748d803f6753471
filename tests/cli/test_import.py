"""`seeme import`: history from JSONL and CSV, every bad line named, no line twice."""

import json

import pytest

from seeme import Client
from seeme.errors import Invalid
from seeme.mistakes import printable

from .conftest import seeme, write_lines


def load(service, path, *options):
    """Import a file."""
    return seeme("import", path, *options, data=service.folder)


def summary(new, stored=None, *, failed="0 lines"):
    """Return the line that ends an import of which all was new."""
    stored = stored or f"{new} predictions"
    return f"{stored}: {new} new, 0 already there, 0 waiting for their prediction; {failed} failed"


def predictions(service, model_id):
    """Return the model's predictions by creation."""
    client = Client(service.url, service.admin_key)
    return list(client.get_predictions(model_id, order="asc", limit=1000))


def test_json_lines_are_imported_once(service, make_model, tmp_path):
    """Rows with their own times, also without ids; a second import of the same file doubles nothing."""
    model_id = make_model()
    rows = [{"label": "cat", "confidence": n / 10, "created_at": f"2025-01-0{n + 1}T12:00:00Z"} for n in range(5)]
    path = write_lines(tmp_path / "history.jsonl", *rows, rows[0], "")
    for counts in ("6 new, 0 already there", "0 new, 6 already there"):
        done = load(service, path, "--model", model_id)
        said = f"6 predictions: {counts}, 0 waiting for their prediction; 0 lines failed\n"
        assert (done.code, done.err) == (0, said)
    found = predictions(service, model_id)
    assert len(found) == 6
    assert [one.created_at.day for one in found] == [1, 1, 2, 3, 4, 5]


def test_bad_lines_are_named_and_the_others_stored(service, make_model, tmp_path):
    """Each by its number and what is wrong with it; the exit code says that something failed."""
    model_id = make_model()
    path = write_lines(
        tmp_path / "mixed.jsonl",
        {"label": "cat", "id": "good-1"},
        "{not json",
        "[1, 2]",
        {"label": "cat", "confidence": 2},
        {"label": "cat", "colour": "red"},
        {"value": 1.5},
        {"label": "cat", "created_at": "2999-01-01T00:00:00Z"},
        {"label": "cat", "model_id": "unknown"},
        '{"label": "\\ud800"}',
        "[" * 100_000,
        '{"label": "nul \\u0000"}',
        '{"label": "cat", "confidence": NaN}',
        '{"label": "cat", "latency_ms": 1e400}',
        {"label": "cat", "id": "good-2"},
    )
    path.write_bytes(path.read_bytes() + b'{"label": "caf\xe9"}\n')
    done = load(service, path, "--model", model_id)
    assert done.code == 1
    first, *failed = done.err.splitlines()
    assert first == summary(2, failed="13 lines")
    named = {int(line.split(":")[0].removeprefix("line ")) for line in failed}
    assert named == set(range(2, 14)) | {15}
    assert "Traceback" not in done.err
    by_line = dict(sorted((int(line.split(":")[0].removeprefix("line ")), line) for line in failed))
    assert "isn't an object" in by_line[3]
    assert "$.confidence" in by_line[4]
    assert "colour" in by_line[5]
    assert "a classification model takes `label`, not `value`" in by_line[6]
    assert "more than 5 minutes in the future" in by_line[7]
    assert "there is no model unknown" in by_line[8]
    assert sorted(one.id for one in predictions(service, model_id)) == ["good-1", "good-2"]


def test_a_wrong_line_is_told_in_the_words_of_the_service(service, make_model, tmp_path):
    """Every wrong field of it, with its path and what was expected."""
    model_id = make_model()
    row = {"model_id": model_id, "label": 7, "confidence": 2, "colour": "red", "version_id": "a b"}
    with pytest.raises(Invalid) as refused:
        Client(service.url, service.admin_key).log_prediction(**row)
    done = load(service, write_lines(tmp_path / "wrong.jsonl", row))
    assert len(refused.value.errors) == 4
    assert done.err.splitlines()[1] == f"line 1: {refused.value}"


def test_feedback_that_waits_for_its_prediction_is_counted_apart(service, make_model, tmp_path):
    """It is stored, though there is nothing to show it with yet."""
    vote = {"prediction_id": "p0000", "feedback_type": "rating", "rating": 1}
    path = write_lines(tmp_path / "votes.jsonl", vote, {**vote, "prediction_id": "later"})
    done = load(service, path, "--kind", "feedback", "--model", make_model(1))
    said = "2 feedback: 1 new, 0 already there, 1 waiting for their prediction; 0 lines failed\n"
    assert (done.code, done.err) == (0, said)


def test_many_bad_lines_are_counted(service, make_model, tmp_path):
    """Twenty are shown, the others counted."""
    path = write_lines(tmp_path / "bad.jsonl", *[{"id": f"{n}"} for n in range(50)])
    done = load(service, path, "--model", make_model())
    assert done.err.splitlines()[-1] == "... and 30 more"


def test_more_rows_than_a_batch_has(service, make_model, tmp_path):
    """A long file goes in chunks; wrong rows anywhere are found."""
    rows = [{"label": "cat", "confidence": 3.0 if n == 1500 else 0.5} for n in range(2300)]
    model_id = make_model()
    done = load(service, write_lines(tmp_path / "long.jsonl", *rows), "--model", model_id)
    assert done.err.splitlines()[0] == summary(2299, failed="1 line")
    assert done.err.splitlines()[1].startswith("line 1501: ")


CSV = """\ufeffid,label,confidence,created_at,features,latency_ms
a,cat,0.5,2025-01-01T00:00:00Z,"{""n"": ""1"", ""s"": 2}",12
b,"[odd, label]",,2025-01-02T00:00:00Z,,
c,'=1+1,1,2025-01-03T00:00:00Z,,0
d,"two
lines",1,2025-01-04T00:00:00Z,,0
e,dog,much,2025-01-05T00:00:00Z,,0
f,dog,1,2025-01-05T00:00:00Z,{broken,0
g,dog,1,2025-01-05T00:00:00Z,,0,extra
h,123,1,2025-01-05T00:00:00Z,,0
"""


def test_csv_is_imported_with_its_kinds(service, make_model, tmp_path):
    """Numbers, JSON cells, empty cells and texts that look like either; bad lines by the number of their last line."""
    model_id = make_model()
    path = tmp_path / "history.csv"
    path.write_text(CSV, encoding="utf-8")
    done = load(service, path, "--model", model_id)
    first, *failed = done.err.splitlines()
    assert first == summary(5, failed="3 lines")
    assert sorted(line.split(":")[0] for line in failed) == ["line 7", "line 8", "line 9"]
    found = {one.id: one for one in predictions(service, model_id)}
    assert [found[id].label for id in "abcdh"] == ["cat", "[odd, label]", "=1+1", "two\nlines", "123"]
    assert (found["a"].confidence, found["a"].latency_ms, found["b"].to_dict()["confidence"]) == (0.5, 12.0, None)
    assert found["a"].to_dict()["features"] == {"n": "1", "s": 2}


def test_tab_separated_values_are_csv_too(service, make_model, tmp_path):
    """A .tsv has tabs between its cells."""
    path = tmp_path / "history.tsv"
    path.write_text("id\tlabel\na\tcat, or so\n")
    model_id = make_model()
    assert load(service, path, "--model", model_id).code == 0
    assert predictions(service, model_id)[0].label == "cat, or so"


def test_a_csv_that_is_no_text_fails_by_line(service, make_model, tmp_path):
    """Bytes that aren't UTF-8 are a fault of their line alone."""
    path = tmp_path / "latin.csv"
    path.write_bytes(b"id,label\na,caf\xe9\nb,cafe\n")
    done = load(service, path, "--model", make_model())
    assert done.err.splitlines()[0] == summary(1, "1 prediction", failed="1 line")
    assert done.err.splitlines()[1].startswith("line 2: ")


def test_labels_and_feedback_are_imported_too(service, make_model, tmp_path):
    """Each kind by its name, CSV included."""
    model_id = make_model(2)
    labels = write_lines(tmp_path / "labels.jsonl", {"prediction_id": "p0000", "label": "dog"})
    assert load(service, labels, "--kind", "labels", "--model", model_id).code == 0
    votes = tmp_path / "votes.csv"
    votes.write_text("prediction_id,feedback_type,rating,notes\np0000,rating,1,fine\np0001,rating,-1,\n")
    assert load(service, votes, "--kind", "feedback", "--model", model_id).code == 0
    client = Client(service.url, service.admin_key)
    assert client.get_prediction("p0000", model_id=model_id).truth.label == "dog"
    assert sorted(one.rating for one in client.get_feedback(model_id)) == [-1, 1]


def test_a_bad_line_does_not_act_on_the_terminal(service, make_model, tmp_path):
    """What a file holds is shown escaped where it can't be printed; letters of all scripts stay."""
    path = tmp_path / "evil.csv"
    path.write_text("label,\x1b]0;title\x07\u202eé\ncat,1\n", encoding="utf-8")
    done = load(service, path, "--model", make_model())
    assert done.code == 1
    assert "line 2: " in done.err
    assert not set("\x1b\x07\u202e") & set(done.err)
    assert printable("\x1b]0;title\x07\u202eé\n\udc80") == r"\x1b]0;title\x07\u202eé\n\udc80"


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_is_none_is_one_line(service, name):
    """A missing file or a folder is named."""
    refused = load(service, name)
    assert refused.code == 1
    assert refused.err == f"seeme: there is no file {name}\n"


def test_an_empty_file_is_nothing(service, tmp_path):
    """No rows, no failure."""
    for name in ("empty.jsonl", "empty.csv"):
        done = load(service, write_lines(tmp_path / name))
        assert (done.code, done.err) == (0, summary(0) + "\n")


def test_an_import_that_was_broken_off_can_be_started_again(live, tmp_path):
    """When the service goes away the command says so; run again, it stores the rest and doubles nothing."""
    client = Client(live.url, live.admin_key)
    client.create_model("M", id="m")
    rows = [json.dumps({"label": "cat", "confidence": 0.5})] * 3
    path = write_lines(tmp_path / "h.jsonl", *rows)
    assert seeme("import", path, "--model", "m", data=live.folder).code == 0
    write_lines(path, *rows, json.dumps({"label": "dog"}))
    live.stop()
    refused = seeme("import", path, "--model", "m", data=live.folder)
    assert refused.code == 1
    assert "no service runs on" in refused.err
    live.start()
    assert seeme("import", path, "--model", "m", data=live.folder).code == 0
    found = Client(live.url, live.admin_key).get_predictions("m", limit=100)
    assert sorted(one.label for one in found) == ["cat", "cat", "cat", "dog"]
