"""Real servers for the tests: a throw-away PostgreSQL, if this machine has one."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_bin() -> Path | None:
    """The folder of initdb and postgres; None when this machine has none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    homes += sorted(Path("/opt/homebrew/opt").glob("postgresql*/bin/initdb"))
    return homes[-1].parent if homes else None


def _account() -> dict[str, object]:
    """PostgreSQL refuses to run as root; the account that Debian makes for it does."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def postgres(bin_dir: Path) -> Iterator[str]:
    """A PostgreSQL of our own on a free port, gone afterwards; yields its address."""
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    account = _account()
    if account:
        shutil.chown(home, "postgres", "postgres")
    data, port = home / "data", free_port()
    run = {**account, "cwd": home, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(
        [bin_dir / "initdb", "-D", data, "-U", "clinic", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        **run,
    )
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off"
    subprocess.run(
        [bin_dir / "pg_ctl", "-D", data, "-w", "-o", options, "start"], check=True, **run
    )
    try:
        yield f"postgresql+psycopg://clinic@127.0.0.1:{port}"
    finally:
        subprocess.run([bin_dir / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **run)
        shutil.rmtree(home, ignore_errors=True)
