"""A private PostgreSQL for tests: Debian's server programs on a temporary folder and a free port."""

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

NEEDS = "needs PostgreSQL's server programs (Debian: apt-get install postgresql)"


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl: on the PATH, or where Debian keeps the newest version."""
    found = shutil.which("pg_ctl")
    folder = Path(found).resolve().parent if found else Path()
    if all((folder / name).exists() for name in ("initdb", "psql")):
        return folder
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class Postgres:
    """One server. As root, its programs run as the user `postgres`: they refuse to run as root."""

    def __init__(self, folder: Path | None = None) -> None:
        found = programs()
        if found is None:
            pytest.skip(NEEDS)
        self.programs = found
        self.user = "postgres" if os.geteuid() == 0 else getpass.getuser()
        self.folder = folder or Path(tempfile.mkdtemp(prefix="seeme-postgres-"))
        if os.geteuid() == 0:
            self.folder.parent.chmod(self.folder.parent.stat().st_mode | 0o011)
            shutil.chown(self.folder, "postgres")
        self.data = self.folder / "data"
        self.port = _free_port()
        self._numbers = count()

    def initialise(self, encoding: str = "UTF8") -> "Postgres":
        """Make an empty cluster that trusts everybody, but for those in the role `guarded`: they need a password."""
        self.run("initdb", "-D", str(self.data), "-A", "trust", "-E", encoding, "--locale=C", "-U", "postgres", "-N")
        rules = self.data / "pg_hba.conf"
        rules.write_text(f"host all +guarded 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        return self

    def start(self, *options: str) -> "Postgres":
        """Start the server and wait until it takes connections."""
        more = " ".join(f"-c {option}" for option in options)
        asked = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 {more}"
        self.run("pg_ctl", "-D", str(self.data), "-o", asked, "-l", str(self.folder / "log"), "-w", "-s", "start")
        return self

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; `immediate` is as a crash."""
        self.run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-s", "stop", check=False)

    @contextmanager
    def stopped(self, mode: str = "fast") -> Iterator[None]:
        """Stop the server for a while; `kill` is as if the machine lost its power."""
        self.kill() if mode == "kill" else self.stop(mode)
        try:
            yield
        finally:
            self.start()

    def kill(self) -> None:
        """SIGKILL the server process: its children end with it."""
        numbers = self.sql("select pid from pg_stat_activity where pid <> pg_backend_pid()").split()
        os.kill(int((self.data / "postmaster.pid").read_text().splitlines()[0]), 9)
        until = time.monotonic() + 10
        while any(Path("/proc", number).exists() for number in numbers) and time.monotonic() < until:
            time.sleep(0.05)

    def standby(self, name: str) -> "Postgres":
        """Return a running standby under a name, and let every commit of this server wait for it from now on."""
        other = Postgres()
        primary = f"host=127.0.0.1 port={self.port} user=postgres application_name={name}"
        self.run("pg_basebackup", "-d", primary, "-D", str(other.data), "-R", "-X", "stream", "-c", "fast")
        other.start()
        self.sql(f"alter system set synchronous_standby_names = '{name}'")
        self.sql("select pg_reload_conf()")
        self.wait_for("select count(*) from pg_stat_replication where sync_state = 'sync'", "1")
        return other

    def promote(self) -> None:
        """Make a standby the primary."""
        self.run("pg_ctl", "-D", str(self.data), "-w", "-s", "promote")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the server take connections and hear everything, and answer nothing."""
        asked = "select pid from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'"
        main = (self.data / "postmaster.pid").read_text().splitlines()[0]
        numbers = [int(number) for number in [main, *self.sql(asked).split()]]
        for number in numbers:
            os.kill(number, signal.SIGSTOP)
        try:
            yield
        finally:
            for number in reversed(numbers):
                os.kill(number, signal.SIGCONT)

    def cut(self, name: str, where: str = "true") -> None:
        """End the connections to a database, as a restart does."""
        self.sql(f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}' and {where}")

    def url(self, name: str = "postgres", user: str = "postgres") -> str:
        """Return the address of a database for a user, or for `user:password`."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}"

    def create(self, name: str | None = None, options: str = "") -> str:
        """Create a database and return its address."""
        name = name or f"test{next(self._numbers)}"
        self.sql(f'create database "{name}" {options}')
        return self.url(name)

    def sql(self, text: str, name: str = "postgres") -> str:
        """Run a statement; return what psql prints of it."""
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", name]
        return self.run("psql", *address, "-qAtc", text).stdout.strip()

    @contextmanager
    def held(self, text: str, name: str) -> Iterator[None]:
        """Keep the transaction of a statement open."""
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", name, "-qAt"]
        process = subprocess.Popen([self.programs / "psql", *address], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"begin;\n{text};\nselect 'held';\n".encode())
        process.stdin.flush()
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.communicate(b"rollback;\n")

    def wait_for(self, text: str, expected: str, name: str = "postgres") -> None:
        """Wait until a statement gives what is expected."""
        until = time.monotonic() + 20
        while (found := self.sql(text, name)) != expected:
            assert time.monotonic() < until, f"{text}: {found}, not {expected}"
            time.sleep(0.05)

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, program: str, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run one of PostgreSQL's programs, as the server's user."""
        as_user = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            as_user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(
            command, cwd="/", capture_output=program != "pg_ctl", text=True, timeout=60, check=False, **as_user
        )
        if check and done.returncode:
            raise AssertionError(f"{program} failed: {done.stdout} {done.stderr}")
        return done


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
