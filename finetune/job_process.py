"""A training of the app in its turn; apart from process.py, for tests run it with a training of their own.

Knows: what the app wrote down, the queue of this home, and that whatever ends it is said in the run's status.
Refuses to know: how training is done. Of its process group it is the first, so that all of it can be ended.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from errors import NaraniError, Stopped, wording
from finetune.job_state import REQUEST
from finetune.kinds import settings_of
from finetune.queueing import leave, say, turn
from finetune.run_folder import ENDED, RunFolder, TrainingState, TrainingStatus, run_folder
from finetune.run_settings import RunSettings
from settings import terminal_language

Train = Callable[[RunSettings, Path], object]


def work(name: str, home: Path, train: Train) -> int:
    """Wait for the turn, train, and leave a status that says how it ended."""
    run = run_folder(home, name)
    signal.signal(signal.SIGTERM, lambda *_: leave())
    try:
        settings = settings_of(run.read(REQUEST) or {})
        with turn(home, run):
            say(run, TrainingState.PREPARING)
            train(settings, home)
    except Stopped as stopped:
        return _end(run, TrainingState.STOPPED, stopped, 130)
    except NaraniError as error:
        return _end(run, TrainingState.FAILED, error, 2)
    except Exception as error:  # noqa: BLE001 - whatever ended it, the page must be able to say so
        traceback.print_exc()
        return _end(run, TrainingState.FAILED, NaraniError("training-broke", kind=type(error).__name__), 1)
    finally:
        run.stop_wish(os.getpid()).unlink(missing_ok=True)
    return 0


def _end(run: RunFolder, state: TrainingState, error: NaraniError, code: int) -> int:
    """A training that came so far has told its end itself."""
    sys.stderr.write(f"{wording(error.cause, terminal_language())}\n")
    status = run.status()
    if status is None or status.state not in ENDED:
        ended = replace(status or TrainingStatus(state), state=state)
        run.set_status(ended if state is TrainingState.STOPPED else ended.with_error(error))
    return code
