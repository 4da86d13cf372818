"""In which buckets of rows a step is proven as a model is loaded, and what is measured of its memory then.

Run: python -m pytest tests/engines/steps/test_proven_rows.py
"""

from __future__ import annotations

import pytest
import torch

from engines.memory import StepChoice
from engines.stepping import DecodeRow
from engines.steps.choice import StepChooser
from tests.engines.steps.scripted_steps import CARD, Played, ScriptedCard, ScriptedStepper, network


def codes(choice: StepChoice) -> tuple[str, list[str]]:
    return choice.name, [cause.code for cause in choice.reasons]


class WrongAt(ScriptedStepper):
    rows = 0

    def step(self, tokens: list[int]) -> torch.Tensor:
        self.off = 0.3 if len(tokens) == self.rows else 0.0
        return super().step(tokens)


@pytest.mark.parametrize("rows", [1, 2, 3, 8])
@pytest.mark.parametrize("known", [False, True])
def test_a_step_that_is_wrong_for_one_bucket_of_rows_alone_is_refused(rows: int, known: bool) -> None:
    """Three rows stand in a bucket of four; what was proven before is looked at in every bucket too."""
    made: list[WrongAt] = []

    def wrong() -> Played:
        made.append(WrongAt())
        made[-1].rows = 0 if known and len(made) == 1 else rows
        return made[-1]

    choose = StepChooser(build=ScriptedCard(fused_graph=wrong))
    assert not known or choose(network(), CARD).name == "fused-graph"
    assert codes(choose(network(), CARD)) == ("graph", ["step-unequal"])


@pytest.mark.parametrize("bears", [1, 2, 7])
def test_a_step_whose_caches_find_no_memory_for_eight_rows_is_proven_with_two(bears: int) -> None:
    class Small(ScriptedStepper):
        def start(self, row: DecodeRow) -> None:
            if len(self.running) == bears:
                raise torch.OutOfMemoryError("full")
            super().start(row)

    card = ScriptedCard(fused_graph=Small, eager=Small)
    choice = codes(StepChooser(build=card)(network(), CARD))
    assert choice == (
        ("eager", ["step-no-memory", "step-no-memory"]) if bears == 1 else ("fused-graph", ["step-proven"])
    )


def test_what_a_step_takes_as_it_is_proven_is_part_of_the_choice() -> None:
    card = ScriptedCard(
        fused_graph=lambda: ScriptedStepper(failed="not permitted"), fused=lambda: ScriptedStepper(kept=70)
    )
    assert StepChooser(build=card)(network(), CARD).kept_bytes == 70
