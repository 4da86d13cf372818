"""How far two right computations of one network may be apart, and that a few wrong logits are no such thing.

Run: python -m pytest tests/engines/steps/test_proving.py
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engines.steps.proving import allowance, compared
from tests.engines.steps.scripted_steps import ScriptedStepper

VOCABULARY = 3000
TEXTS = [[1, 2, 3, 4], [5, 6, 7]]


class Rounding(ScriptedStepper):
    """The logits of one text read whole differ from those of its steps by `off`; of `speaking` tokens alone
    they are no zeros, as in a network of which only some may be said."""

    speaking = VOCABULARY

    def logits(self, text: list[int], off: float) -> torch.Tensor:
        made = torch.Generator().manual_seed(sum(text))
        logits = torch.randn(VOCABULARY, generator=made) + off * torch.randn(VOCABULARY, generator=made)
        logits[self.speaking :] = 0.0
        return logits

    def read(self, row: object, ids: list[int]) -> torch.Tensor:
        return self.logits(ids, self.off)


@pytest.mark.parametrize("speaking", [VOCABULARY, 9])
@pytest.mark.parametrize(("off", "holds"), [(0.06, True), (0.5, False)])
def test_a_step_may_differ_as_the_eager_one_does_from_itself(speaking: int, off: float, holds: bool) -> None:
    eager: Any = Rounding(off=0.06)
    eager.speaking = speaking
    said = [torch.stack([eager.logits(text, 0.0)]) for text in TEXTS]
    allowed = allowance(eager, TEXTS, said, torch.bfloat16)
    found = [torch.stack([eager.logits(text, off)]) for text in TEXTS]
    assert compared(found, said, allowed).holds is holds


def test_one_wrong_logit_among_many_is_seen() -> None:
    eager: Any = Rounding(off=0.02)
    said = [torch.stack([eager.logits(text, 0.0)]) for text in TEXTS]
    allowed = allowance(eager, TEXTS, said, torch.bfloat16)
    found = [places.clone() for places in said]
    found[1][0, 40] += 1.2
    proof = compared(found, said, allowed)
    assert not proof.holds and proof.difference > proof.allowed
