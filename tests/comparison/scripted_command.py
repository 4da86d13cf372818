"""The real command line over scripted models, for tests: what is typed is parsed, asked, shown and stored.

Run: PYTHONPATH=. python tests/comparison/scripted_command.py ask 질문 --models calm,slow
Knows: a handful of models with scripted manners. Refuses to know: registries, weights, torch.
"""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from command_line import run
from comparison.terminal.cli import main
from comparison.terminal.wiring import ModelFacts, Wiring
from errors import AS_WRITTEN, LoadError
from history.history import History
from model_registry.spec import GenerationDefaults
from settings import read_settings
from tests.engines.scripted_engine import Script, ScriptedEngine

StartCommand = Callable[..., "subprocess.Popen[str]"]
"""The fixture `start_command`: arguments in, a process of its own out."""

DEMO = Path(__file__).parents[2] / "model_registry" / "demo" / "questions.jsonl"

SCRIPTS: Mapping[str, Script] = {
    "calm": Script(),
    "other": Script(),
    "steady": Script(pieces=("한 ", "번 ", "더"), seconds_per_piece=0.01),
    "endless": Script(pieces=("가",), repeats=True, seconds_per_piece=0.02),
    "breaks": Script.out_of_memory(pieces_before_failure=2),
    "judge": Script(scores=lambda text: float(len(text))),
    "absent": Script(loading_failure=LoadError(AS_WRITTEN, sentence="The files of this model are not here.")),
}


def scripted_wiring(scripts: Mapping[str, Script] = SCRIPTS, demo_questions: Path = DEMO) -> Wiring:
    facts = {
        model_id: ModelFacts(format_id="koalpaca", quantizations=("none", "int8"), is_demo=model_id == "calm")
        for model_id in scripts
    }
    facts["calm"] = ModelFacts(
        "koalpaca", GenerationDefaults(temperature=0.7, max_new_tokens=99), is_demo=True
    )
    if "judge" in facts:
        facts["judge"] = ModelFacts(scores_answers=True)
    return Wiring(
        models=facts,
        formats=("koalpaca", "kullm"),
        rows_per_model=4,
        demo_questions=demo_questions,
        build_engine=lambda: ScriptedEngine(scripts, default=None),
        open_history=lambda: History(read_settings().home, busy_seconds=0.1),
    )


def states_on_disk(home: Path) -> list[str]:
    """Of all answers in a history, as another process reads them; none as long as there is no history."""
    try:
        with closing(sqlite3.connect(f"file:{home / 'narani.db'}?mode=ro", uri=True)) as database:
            return [
                state for (state,) in database.execute("SELECT state FROM answers ORDER BY run, position")
            ]
    except sqlite3.OperationalError:
        return []


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Another program holds the history."""
    History(home).close()
    with closing(sqlite3.connect(home / "narani.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield


if __name__ == "__main__":
    run(lambda: main(wiring=scripted_wiring))
