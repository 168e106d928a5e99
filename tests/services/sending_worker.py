"""A process of its own that sends what is due at a given moment, to be killed at any line.

Called with an instance folder, a moment and a lease owner ("" sends without asking for the lease).
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

from compliance.app import create_app
from compliance.mail.delivery import send_due
from compliance.mail.outbox import open_outbox
from compliance.mail.post import sender_of
from compliance.scheduler import WORK, Bench, Job, run_job
from config import read_config


def main(folder: str, moment: str, owner: str) -> None:
    config = read_config({**os.environ, "INSTANCE_DIR": folder})
    app, at = create_app(config), dt.datetime.fromisoformat(moment)
    print("ready", flush=True)
    sys.stdin.readline()
    if owner:
        job = Job("reminders", dt.timedelta(minutes=5), WORK["reminders"])
        ran = run_job(Bench(app, config, lambda: at, owner), job)
        print("ran" if ran else "stood by", flush=True)
        return
    with app.app_context():
        outbox = open_outbox(config.smtp_url, Path(folder) / "mail")
        print(send_due(outbox, sender_of(config), lambda: at)["sent"], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
