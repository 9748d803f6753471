"""`seeme serve`: its first start, its refusals, its end."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from types import SimpleNamespace

import pytest
from live import Live, free_port

from seeme import Client
from seeme.commands import serving
from seeme.settings import Settings

from .conftest import seeme

KEY = re.compile(r"sk_\w{12}_[\w-]{43}")


def test_the_first_start_shows_a_key_and_a_link_and_the_second_none(live):
    """The key and the link work; they are shown once, and the key is good after a restart."""
    until = time.monotonic() + 10
    while "Later:" not in live.log() and time.monotonic() < until:
        time.sleep(0.01)
    (key,) = KEY.findall(live.log())
    (link,) = re.findall(r"http://\S+/sign-in\?code=\S+", live.log())
    assert list(Client(live.url, key).list_models()) == []
    with urllib.request.urlopen(link) as page:
        assert page.status == 200
    assert live.stop() == 0
    live.start()
    assert KEY.findall(live.log()) == [key]
    assert live.log().count("sign-in?code=") == 1
    assert f"Later: `seeme sign-in --data {live.folder}`" in live.log()
    assert "others can look into" not in live.log()
    assert Client(live.url, key).list_keys()


def test_a_second_serve_is_refused_and_the_first_goes_on(live):
    """One line, exit 1, with the process that has the folder; commands still find the first one."""
    refused = seeme("serve", "--port", free_port(), data=live.folder)
    assert refused.code == 1
    (line,) = refused.err.splitlines()
    assert f"is in use by process {live.process.pid}" in line
    assert refused.out == ""
    made = seeme("model", "create", "Cats", "--id", "cats", data=live.folder)
    assert (made.code, made.out) == (0, "cats\n")


def test_a_port_in_use_is_one_line(live, tmp_path):
    """Exit 1, naming the port and what to do."""
    refused = seeme("serve", "--port", live.port, data=tmp_path / "other")
    assert refused.code == 1
    (line,) = refused.err.splitlines()
    assert f"port {live.port}" in line
    assert "--port" in line


@pytest.mark.parametrize(
    ("environment", "arguments", "says"),
    [
        ({"SEEME_PORT": "abc"}, [], "SEEME_PORT must be int (got 'abc')"),
        ({"SEEME_PORT": "-1"}, [], "SEEME_PORT must be above 0"),
        ({"SEEME_PORT": "70000"}, [], "must be below 65536"),
        ({"SEEME_ADDRESS_RATE": "nan"}, [], "SEEME_ADDRESS_RATE must be above 0"),
        ({"SEEME_COLOUR": "red"}, [], "SEEME_COLOUR isn't a setting; docs/settings.md lists them"),
        ({"SEEME_LOG_LEVEL": "loud"}, [], "SEEME_LOG_LEVEL must be debug, info, warning or error (got 'loud')"),
        ({"SEEME_DATABASE": "mysql://x"}, [], "is an address such as postgresql://user@host/name"),
        ({}, ["--database", "seeme.db"], "is an address such as postgresql://user@host/name"),
        ({}, ["--host", "256.1.1.1"], "can't listen on 256.1.1.1"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(tmp_path, environment, arguments, says):
    """Exit 1, no traceback."""
    refused = seeme("serve", *arguments, data=tmp_path / "data", **environment)
    assert refused.code == 1
    (line,) = refused.err.splitlines()
    assert line.startswith("seeme: ")
    assert says in line


@pytest.mark.parametrize("where", ["a file", "/proc/nowhere", "under a file"])
def test_a_data_folder_that_cannot_be_written_is_one_line(tmp_path, where):
    """The folder is named, with no traceback."""
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    data = {"a file": file, "under a file": file / "data"}.get(where, where)
    refused = seeme("serve", "--port", free_port(), data=data)
    assert refused.code == 1
    (line,) = refused.err.splitlines()
    assert str(data) in line
    assert file.read_text() == "mine"


def test_a_database_of_another_kind_is_one_line(tmp_path):
    """A file that isn't ours is not touched, and the process ends."""
    (tmp_path / "seeme.db").write_text("not a database " * 500)
    for command in (
        ["serve", "--port", free_port()],
        ["check"],
        ["export", "--model", "m"],
        ["backup", tmp_path / "b"],
    ):
        refused = seeme(*command, data=tmp_path)
        assert refused.code == 1, command
        (line,) = refused.err.splitlines()
        assert "isn't a SQLite database" in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_after_its_answers(live, number):
    """Exit 0; what was acknowledged is there after the next start, and the announcement is gone."""
    client = Client(live.url, live.admin_key)
    client.create_model("Cats", id="cats")
    client.log_prediction("cats", id="p1", label="cat")
    live.process.send_signal(number)
    assert live.process.wait(20) == 0
    assert not (live.folder / "running.json").exists()
    assert "Traceback" not in live.log()
    live.start()
    assert Client(live.url, live.admin_key).get_prediction("p1").label == "cat"


def test_after_a_crash_commands_say_that_nothing_runs(live):
    """An announcement that was left behind isn't believed, and the next start replaces it."""
    left = (live.folder / "running.json").read_text()
    live.kill()
    (live.folder / "running.json").write_text(left)
    said = seeme("model", "list", data=live.folder)
    assert said.code == 1
    assert "no service runs on" in said.err
    live.start()
    assert seeme("model", "list", data=live.folder).code == 0


def test_the_data_folder_is_its_owners_alone(live):
    """What is in it are people's data and a key with every right."""
    assert live.folder.stat().st_mode & 0o777 == 0o700
    for name in ("running.json", "secret"):
        assert (live.folder / name).stat().st_mode & 0o777 == 0o600


def test_a_data_folder_that_others_can_look_into_is_told(tmp_path):
    """One line in the log; the folder stays as it is."""
    live = Live(tmp_path / "data")
    live.folder.mkdir()
    live.folder.chmod(0o750)
    live.start().stop()
    (line,) = [line for line in live.log().splitlines() if "WARNING" in line]
    assert f"others can look into the data folder {live.folder} (its mode is 0750)" in line
    assert live.folder.stat().st_mode & 0o777 == 0o750


def test_a_demo_port_in_use_is_one_line_and_starts_nothing(live, tmp_path):
    """Exit 1, naming the option; there is no data folder yet."""
    for port, says in ((live.port, "Address already in use"), (70_000, "below 65536"), (8765, "another than --port")):
        refused = seeme("demo", "--port", 8765, "--demo-port", port, data=tmp_path / "other")
        assert (refused.code, refused.out) == (1, "")
        (line,) = refused.err.splitlines()
        assert "--demo-port" in line
        assert says in line
    assert not (tmp_path / "other").exists()


def test_the_demo_prints_one_link_alone(tmp_path, monkeypatch, capsys):
    """The link that is printed when the example is ready is the only one, also at the first start."""
    ready = threading.Event()

    def start(modules, url, key, host, port):
        ready.set()
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return SimpleNamespace(url="http://example")

    monkeypatch.setattr(serving, "_examples", lambda: None)
    monkeypatch.setattr(serving, "_start_examples", start)
    serving.demo(Settings(data=tmp_path / "data", port=free_port()), free_port())
    said = capsys.readouterr().out
    assert ready.is_set()
    assert len(KEY.findall(said)) == 1
    assert said.count("sign-in?code=") == 1


def test_a_host_of_ipv6_is_served(tmp_path):
    """Addresses with colons are shown in brackets, and commands find them."""
    with socket.socket(socket.AF_INET6) as one:
        try:
            one.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    live = Live(tmp_path / "data", SEEME_HOST="::1")
    live.url = f"http://[::1]:{live.port}"
    try:
        live.start()
        assert live.url in live.log()
        assert seeme("model", "list", data=live.folder).code == 0
    finally:
        live.stop()


def test_a_request_in_flight_is_answered_before_the_end(live):
    """On SIGTERM a request whose body is still on its way is answered when it has come."""
    body = b'{"name": "Cats", "id": "cats"}'
    head = f"POST /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.admin_key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as sender:
        sender.sendall(head.encode() + body[:5])
        time.sleep(0.2)
        live.process.terminate()
        time.sleep(0.3)
        sender.sendall(body[5:])
        answer = sender.recv(65536)
    assert answer.startswith(b"HTTP/1.1 201")
    assert live.process.wait(20) == 0


def test_import_seeme_is_light():
    """The client alone loads neither the server's packages nor numpy."""
    code = "import sys, seeme; print(sorted({'numpy','starlette','aiosqlite','uvicorn'} & set(sys.modules)))"
    path = os.pathsep.join(sys.path)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": path})
    assert ended.stdout == "[]\n"


def test_version_and_help_need_no_service():
    """--version, --help and a command without arguments say what they are."""
    assert seeme("--version").out.startswith("seeme ")
    assert "serve" in seeme("--help").out
    assert seeme().code == 2
    assert seeme("fly").code == 2
