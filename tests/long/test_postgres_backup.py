"""A PostgreSQL database is copied with its own tools while the service runs, and the copy serves."""

from pathlib import Path

import pytest
from live import Live
from postgres import Postgres

from seeme import Client

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


def test_a_restored_copy_is_whole_and_serves(postgres: Postgres, tmp_path: Path) -> None:
    """pg_dump beside a running service, pg_restore into another database, as docs/postgres.md says."""
    url, copy = postgres.create("original"), postgres.create("restored")
    service = Live(tmp_path / "data", SEEME_DATABASE=url).start()
    try:
        client = Client(service.url, service.admin_key)
        client.create_model("M", id="m")
        client.log_predictions([{"model_id": "m", "id": f"p{n}", "label": "cat"} for n in range(100)])
        client.log_feedback("p1", "rating", rating=1)
        dump = postgres.folder / "seeme.dump"
        postgres.run("pg_dump", "--format=custom", f"--file={dump}", url)
        postgres.run("pg_restore", "--no-owner", f"--dbname={copy}", str(dump))
        client.log_prediction("m", id="later", label="cat")
    finally:
        assert service.stop() == 0
    restored = Live(tmp_path / "data", SEEME_DATABASE=copy).start()
    try:
        client = Client(restored.url, restored.admin_key)
        assert len(client.get_predictions("m")) == 100
        assert client.get_feedback("m")[0].rating == 1
        assert sum(week.predictions for week in client.get_performance_metrics("m", lookback_weeks=1)) == 100
        client.log_prediction("m", id="new", label="cat")
    finally:
        assert restored.stop() == 0
