"""A process with a history of its own: begins a run of n columns, stores k of them, and waits to be ended.

Run by the tests: history_process.py HOME N K. Every line on stdout is something that is on disk.
"""

from __future__ import annotations

import sys
from pathlib import Path

from history.records import StoredState
from tests.history.history_house import answered, asked, opened


def main(home: str, columns: int, stored: int) -> None:
    history = opened(Path(home), retry_seconds=60)
    head = asked(models=tuple(f"m{position}" for position in range(columns)))
    history.begin(head)
    tell(head.id)
    for position in range(stored):
        history.store(head.id, answered(head, position, f"답 {position}"))
        tell(position)
    for line in sys.stdin:  # until it is killed or told to go on
        history.store(head.id, answered(head, int(line), f"답 {line.strip()}", state=StoredState.STOPPED))
        tell(line.strip())
    history.close()


def tell(done: object) -> None:
    sys.stdout.write(f"{done}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
