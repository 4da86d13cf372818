"""Makes the demo models that ship again, from the set they learn by heart.

Run: python scripts/make_demo_models.py

Knows: the command line, and that one thread and fixed seeds make the same files on the same machine.
Refuses to know: how a model is made.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from command_line import ended, run
from errors import UnknownName
from scripts.demo_models.question_set import DEMO_FOLDER, read_rows


def make(only: tuple[str, ...] = (), out: Path = DEMO_FOLDER, measure: bool = False) -> None:
    """Train the demo models and write their folders.

    Args:
        only: The models to make; all when none is named. An adapter needs its base in the same folder.
        out: Where the folders are written.
        measure: Train nothing; ask the models that lie there, and write their cards anew.
    """
    import torch
    from transformers.utils.logging import disable_progress_bar

    from prompts.catalog import load_formats
    from scripts.demo_models.building import Workshop
    from scripts.demo_models.recipes import RECIPES

    known = {recipe.id: recipe for recipe in RECIPES}
    for name in only:
        if name not in known:
            raise UnknownName("demo model", name, known)
    disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    workshop = Workshop(read_rows(), load_formats(), out, lambda line: print(line, flush=True))
    for recipe in RECIPES:
        if not only or recipe.id in only:
            if not measure:
                workshop.train(recipe)
            workshop.measure(recipe)


def main() -> int:
    import tyro

    def work() -> int:
        tyro.cli(make)
        return 0

    return ended(work)


if __name__ == "__main__":
    run(main)
