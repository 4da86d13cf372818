"""Each way of computing a step on one model: its speed, its tokens, and whether company changes an answer.

Refuses to know: how a step is computed, and which of them a model gets by itself.
"""

from __future__ import annotations

from benchmarks.gpu.bench import NEOX, Bench, Fact, Finding, faults
from benchmarks.gpu.decoding import question_of
from benchmarks.korean import QUESTIONS
from engines.base import Answer
from engines.steps.choice import StepChooser
from tests.engines.running_engine import answer_of, open_engine

_WANTED = ("eager", "graph", "fused")


def step_by_step(bench: Bench) -> Finding:
    """One model by each step: tokens a second, equal tokens, the same answer alone and in company."""
    facts: list[Fact] = []
    wrong: tuple[str, ...] = ()
    texts: dict[str, str] = {}
    for wanted in _WANTED:
        alone, same, releases = _measured(bench, wanted)
        step = alone.measures.step or "unknown"
        texts[wanted] = alone.text
        facts.append(Fact(f"{wanted} ({step})", alone.measures.tokens_per_second or 0.0, "tokens/s"))
        facts.append(Fact(f"{wanted}, first tokens as eager", _common(texts["eager"], alone.text)))
        facts.append(Fact(f"{wanted}, answers alone as in company", float(same)))
        # Only the fused step promises it for 16-bit weights: libraries take another kernel for more rows.
        promised = bench.scale.is_card and wanted == "fused"
        wrong += faults(
            (same or not promised, f"{wanted}: an answer changes in company."),
            (releases, f"{wanted}: fewer bytes came back than the weights took."),
            (not bench.scale.is_card or step.startswith(wanted), f"{wanted}: answered by {step}."),
        )
    return Finding(tuple(facts), wrong)


def _measured(bench: Bench, wanted: str) -> tuple[Answer, bool, bool]:
    """An answer alone, whether three others are the same in company, and whether all bytes came back."""
    tokens = bench.scale.answer_tokens
    with open_engine(bench.only(NEOX), bench.scale.device, choose_step=StepChooser(wanted)) as running:
        running.answer(NEOX, question_of(bench), max_new_tokens=2)
        answer = running.answer(NEOX, question_of(bench), max_new_tokens=tokens)
        alone = [running.answer(NEOX, each, max_new_tokens=tokens // 4).text for each in QUESTIONS[:3]]
        lives = [running.ask(NEOX, each, max_new_tokens=tokens // 4) for each in QUESTIONS[:3]]
        together = [answer_of(live).text for live in lives]
        weights = running.view().residents[0].weight_bytes
        running.release(NEOX)
        came_back = running.view().events[-1].bytes
    return answer, alone == together, came_back >= weights - bench.scale.slack


def _common(one: str, other: str) -> int:
    """How many characters, each a token here, the two begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
