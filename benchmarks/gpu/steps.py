"""Each way of computing a step on one model: its speed, its tokens, and whether company changes an answer.

Refuses to know: how a step is computed, and which of them a model gets by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.gpu.bench import NEOX, Bench, Fact, Finding, at_once, faults
from benchmarks.gpu.decoding import question_of, rate_of
from benchmarks.korean import QUESTIONS
from engines.base import Answer
from engines.steps.choice import StepChooser
from tests.engines.running_engine import answer_of, open_engine

_WANTED = ("eager", "graph", "fused")


def step_by_step(bench: Bench) -> Finding:
    """One model by each step: tokens a second, equal tokens, the same answer alone and in company."""
    facts: tuple[Fact, ...] = ()
    wrong: tuple[str, ...] = ()
    texts: dict[str, str] = {}
    for wanted in _WANTED:
        load_seconds, alone, same, releases = _measured(bench, wanted)
        step = alone.measures.step or "unknown"
        texts[wanted] = alone.text
        facts += at_once(
            Fact(f"{wanted} ({step})", rate_of(alone), "tokens/s"),
            Fact(f"{wanted}, first tokens as eager", common(texts["eager"], alone.text)),
            Fact(f"{wanted}, answers alone as in company", float(same)),
            Fact(f"{wanted}, loaded and proven in", load_seconds, "s"),
        )
        # Only the fused step promises it for 16-bit weights: libraries take another kernel for more rows.
        promised = bench.scale.is_card and wanted == "fused"
        wrong += faults(
            (same or not promised, f"{wanted}: an answer changes in company."),
            (releases, f"{wanted}: fewer bytes came back than the weights took."),
            (not bench.scale.is_card or step.startswith(wanted), f"{wanted}: answered by {step}."),
        )
    return Finding(facts, wrong)


def _measured(bench: Bench, wanted: str) -> tuple[float, Answer, bool, bool]:
    """Seconds of the load, an answer, whether company changes none of three, whether all bytes came back."""
    tokens = bench.scale.answer_tokens
    with open_engine(bench.only(NEOX), bench.scale.device, choose_step=StepChooser(wanted)) as running:
        first = running.answer(NEOX, question_of(bench), max_new_tokens=2)
        answer = running.answer(NEOX, question_of(bench), max_new_tokens=tokens)
        alone = [running.answer(NEOX, each, max_new_tokens=tokens // 4).text for each in QUESTIONS[:3]]
        lives = [running.ask(NEOX, each, max_new_tokens=tokens // 4) for each in QUESTIONS[:3]]
        together = [answer_of(live).text for live in lives]
        weights = running.view().residents[0].weight_bytes
        running.release(NEOX)
        came_back = running.view().events[-1].bytes
    load_seconds = first.measures.load_seconds or 0.0
    return load_seconds, answer, alone == together, came_back >= weights - bench.scale.slack


def common(one: Sequence[object], other: Sequence[object]) -> int:
    """How many tokens, or characters that are one each, the two begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
