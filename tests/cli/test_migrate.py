"""`seeme migrate`: everything from SQLite to PostgreSQL, or nothing."""

import asyncio
import subprocess
import sys

import pytest
from live import Live

from seeme import Client
from seeme.store.postgres_setup import open_postgres

from .conftest import seeme

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


@pytest.fixture
def stopped(live):
    """A stopped service with events of every kind, and sums of them."""
    client = Client(live.url, live.admin_key)
    client.create_model("Métier ☃", id="m", labels=["cat", "dog"])
    client.create_model_version("m", "v1")
    client.create_key("secret", "Ada", scopes=["read"])
    with client.batch():
        for n in range(1000):
            client.log_prediction("m", id=f"p{n}", label="cat", confidence=0.25, latency_ms=1.5, subject=f"u{n % 7}")
    for n in range(30):
        client.log_feedback(f"p{n}", "rating", rating=1 if n % 3 else -1, model_id="m")
    client.log_label("p1", "dog", model_id="m")
    client.create_dataset("Pets ☃", id="d")
    client.import_dataset_items("d", [{"id": f"i{n}", "label": "cat"} for n in range(50)])
    client.create_dataset_version("d", "First", id="v1")
    client.import_dataset_items("d", [{"id": "i1", "label": "dog"}])
    client.create_model("New", id="new")
    client.create_ab_test("T", "m", "new", id="t", config={"seed": "s"})
    for unit in ("cem", "ann", "gus"):  # the last belongs into the other arm
        client.log_prediction("m", id=f"t-{unit}", label="cat", ab_test_id="t", unit=unit)
    client.create_training_job("J", "d", "v1", id="j")
    live.stop()
    return live


def metrics(live):
    """Return the numbers of today's model."""
    client = Client(live.url, live.admin_key)
    return [dict(period) for period in client.get_performance_metrics("m", period="week", lookback_weeks=1)]


def test_the_service_goes_on_where_it_was(stopped, postgres, tmp_path):
    """Rows, sums, keys and the secret: the same numbers on PostgreSQL, with the same data folder."""
    url = postgres.create()
    stopped.start()
    before = metrics(stopped)
    stopped.stop()
    done = seeme("migrate", "--from", stopped.folder, "--to", url)
    assert done.code == 0, done.err
    assert "1003 predictions, 1 labels, 30 feedback, 2 models, 2 keys: copied, and both sides agree" in done.err
    moved = Live(stopped.folder, SEEME_DATABASE=url).start()
    try:
        assert metrics(moved) == before
        client = Client(moved.url, moved.admin_key)
        assert [(arm.seen, arm.units) for arm in client.get_ab_test_results("t").arms] == [(3, 2), (0, 0)]
        assert client.get_dataset_version("d", "v1").item_count == len(client.get_dataset_items("d", "v1")) == 50
        assert client.get_dataset_version("d", client.create_dataset_version("d", "Second").id).changes.changed == 1
        assert client.get_training_job("j").name == "J"
        assert {key.holder for key in client.list_keys()} >= {"admin", "Ada"}
        assert client.erase("u1").predictions == 143
    finally:
        moved.stop()
    checked = seeme("check", data=stopped.folder, SEEME_DATABASE=url)
    assert checked.code == 0, checked.out


def test_a_copy_that_is_broken_off_leaves_nothing_and_can_be_started_again(stopped, postgres):
    """SIGKILL when the predictions are over and the feedback waits, then the whole copy."""
    url = postgres.create()
    name = url.rpartition("/")[2]
    asyncio.run(make_tables(url))
    command = [sys.executable, "-m", "seeme", "migrate", "--from", str(stopped.folder), "--to", url]
    with postgres.held("lock table feedback in access exclusive mode", name):
        copying = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=stopped.surroundings())
        postgres.wait_for("select count(*) from pg_locks where not granted", "1", name)
        copying.kill()
        copying.communicate()
    postgres.wait_for(
        f"select count(*) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid()", "0"
    )
    assert postgres.sql("select (select count(*) from models) + (select count(*) from predictions)", name) == "0"
    assert seeme("migrate", "--from", stopped.folder, "--to", url).code == 0
    assert postgres.sql("select count(*) from predictions", name) == "1003"


async def make_tables(url):
    """Make the tables of a database."""
    await (await open_postgres(url)).close()


def test_a_target_that_holds_something_is_refused(stopped, postgres):
    """A second copy, or one into a database in use, changes nothing."""
    url = postgres.create()
    assert seeme("migrate", "--from", stopped.folder, "--to", url).code == 0
    again = seeme("migrate", "--from", stopped.folder, "--to", url)
    assert again.code == 1
    assert "the target has rows in its table models already: move into an empty database" in again.err
    assert len(again.err.splitlines()) == 1


def test_a_service_that_runs_on_the_folder_is_told(live, postgres):
    """What it stores meanwhile would be missing."""
    refused = seeme("migrate", "--from", live.folder, "--to", postgres.create())
    assert refused.code == 1
    assert "is in use by process" in refused.err


def test_without_a_database_there_is_nothing_to_copy(tmp_path):
    """A wrong folder is named, and not made."""
    refused = seeme("migrate", "--from", tmp_path / "nothing", "--to", "postgresql://127.0.0.1:1/x")
    assert refused.code == 1
    assert "there is no database at" in refused.err
    assert not (tmp_path / "nothing").exists()


def test_a_copy_with_another_secret_is_refused_at_the_start(stopped, postgres, tmp_path):
    """A node that hashes subjects otherwise would take one person for two."""
    url = postgres.create()
    assert seeme("migrate", "--from", stopped.folder, "--to", url).code == 0
    other = seeme("serve", "--port", stopped.port, data=tmp_path / "other", SEEME_DATABASE=url)
    assert other.code == 1
    assert "this node's secret isn't the one" in other.err
