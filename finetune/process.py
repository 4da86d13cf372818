"""`python -m finetune.process job NAME | worker | check`: the processes that this room begins.

Knows: what each is given: the name of a run, or settings as a line of JSON by its standard input.
Refuses to know: what any of them does. Nothing imports this file.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from command_line import ended
from command_line import run as run_command
from settings import read_settings


def main() -> int:
    """What is slow to import, each brings itself: a training that waits needs no torch."""
    match sys.argv[1:]:
        case ["job", name]:
            return _job(name)
        case ["worker"]:
            return ended(_worker)
        case _:
            return _check()


def _job(name: str) -> int:
    """One training that was asked for in the app, in its turn."""
    from finetune.job_process import work
    from finetune.running import run_training

    return work(name, read_settings().home, lambda settings, home: run_training(settings, home, now=True))


def _worker() -> int:
    """One of the processes that a command became. Its standard input ends when whoever began it is dead."""
    from finetune.kinds import settings_of
    from finetune.running import run_training

    settings = settings_of(json.loads(sys.stdin.readline()))
    threading.Thread(target=_stop_when_alone, daemon=True).start()
    return run_training(settings, read_settings().home, now=True)


def _check() -> int:
    """What is worth knowing before a training begins, as JSON."""
    from dataclasses import asdict

    from finetune.job_check import checked
    from finetune.kinds import settings_of

    found = checked(settings_of(json.load(sys.stdin)), read_settings().home)
    json.dump(asdict(found), sys.stdout, ensure_ascii=False)
    return 0


def _stop_when_alone() -> None:
    os.read(sys.stdin.fileno(), 1)
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    run_command(main)
