"""A training's process that learns nothing: real processes, locks and signals without a network.

Knows: what a training writes into its folder; `data` says how it ends, `epochs` how many seconds it takes.
Refuses to know: who started it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from errors import AS_WRITTEN, BadEntry, Stopped
from finetune.job_process import work
from finetune.run_folder import TrainingState, TrainingStatus, now, run_folder
from finetune.run_reports import Metric
from finetune.run_settings import RunSettings
from finetune.stopping import listening
from settings import read_settings


def pretend(settings: RunSettings, home: Path) -> None:
    assert settings.name is not None
    run = run_folder(home, settings.name)
    if settings.data == ("bad.jsonl",):
        raise BadEntry(AS_WRITTEN, sentence="bad.jsonl, line 3: lacks an answer.")
    if settings.data == ("broken.jsonl",):
        raise ZeroDivisionError
    with listening(run.stop_wish(os.getpid())) as wish:
        run.write("manifest.json", {"started": now(), "settings": {}})
        sys.stdout.write(f"{settings.name} began\n")
        until = time.monotonic() + (settings.epochs or 0)
        status = TrainingStatus(TrainingState.TRAINING, pid=os.getpid(), started=now(), total_steps=100)
        run.set_status(status)
        run.add_metric(Metric(now(), 1, 0.1, loss=2.5))
        while time.monotonic() < until:
            time.sleep(0.02)
            if wish.asked and settings.data != ("deaf.jsonl",):
                run.add_metric(Metric(now(), 7, 0.7, loss=2.0))
                run.set_status(TrainingStatus(TrainingState.STOPPED, step=7, total_steps=100))
                raise Stopped(AS_WRITTEN, sentence="Stopped after step 7.")
        run.add_metric(Metric(now(), 100, 1.0, loss=0.5))
        run.set_status(TrainingStatus(TrainingState.DONE, step=100, total_steps=100))


if __name__ == "__main__":
    sys.exit(work(sys.argv[2], read_settings().home, pretend))
