"""How well the policy answers questions that it never learns from: its likeliest answers, rewarded and held
against what the data expects, before, now and then, and after.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from errors import Cause
from errors.note import Note
from finetune.rl.questions import PolicyAsker, RlQuestion
from finetune.rl.rewards import RewardPart, total_rewards
from finetune.run_reports import SampledAnswers
from finetune.training.report import quoted
from judging.measures.answers import is_exact

ASKED, SHOWN = 32, 4
SURE_ERRORS = 1.645
"""So many standard errors a mean rises by chance in one of twenty cases."""
_FAR = 12.0
"""The KL an answer from which the toys' answers change in content, too, and not in manner alone."""


@dataclass(frozen=True)
class HeldOutAnswer:
    question: str
    expected: str
    answer: str
    reward: float | None
    """None: it could not be told."""
    ended: bool

    @property
    def exact(self) -> bool:
        return bool(self.expected) and is_exact(self.answer, self.expected)


@dataclass(frozen=True)
class HeldOutAnswers:
    answers: tuple[HeldOutAnswer, ...]

    @classmethod
    def read(cls, held: Mapping[str, Any]) -> HeldOutAnswers:
        return cls(tuple(HeldOutAnswer(**answer) for answer in held["answers"]))

    def written(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def reward(self) -> float:
        told = [answer.reward for answer in self.answers if answer.reward is not None]
        return fmean(told) if told else 0.0

    @property
    def exact(self) -> float:
        return fmean(answer.exact for answer in self.answers)

    @property
    def ended(self) -> float:
        return fmean(answer.ended for answer in self.answers)

    def figures(self) -> dict[str, float]:
        return {
            "held_out_reward": self.reward,
            "held_out_exact": self.exact,
            "held_out_ended": self.ended,
        }

    def samples(self, step: int) -> SampledAnswers:
        shown = ("question", "expected", "answer", "reward")
        written = [asdict(answer) for answer in self.answers[:SHOWN]]
        return SampledAnswers(step, tuple({name: one[name] for name in shown} for one in written))


def asked_held_out(
    asker: PolicyAsker,
    questions: Sequence[RlQuestion],
    parts: Sequence[RewardPart],
    unended_reward: float | None,
) -> HeldOutAnswers:
    answers = asker.greedy(questions)
    totals = total_rewards(parts, answers, unended_reward).totals
    return HeldOutAnswers(
        tuple(
            HeldOutAnswer(
                question.text,
                question.prompt.expected,
                answer.text,
                reward if math.isfinite(reward) else None,
                answer.ended,
            )
            for question, answer, reward in zip(questions, answers, totals, strict=True)
        )
    )


def report_of(
    before: HeldOutAnswers, after: HeldOutAnswers, kl: float, seen: Cause | None, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """`kl`: of an answer to the last update; `seen`: while learning, why nothing may be learned."""
    why = None if _has_risen(before, after) else seen or _not_risen(before, after)
    return {
        **facts,
        "held_out": {
            "reward_before": before.reward,
            "reward_after": after.reward,
            "exact_before": before.exact,
            "exact_after": after.exact,
            "ended_before": before.ended,
            "ended_after": after.ended,
            "questions": len(after.answers),
        },
        "kl": kl,
        "learned": why is None,
        **({} if why is None else {"why": str(why), "why_facts": why.as_json()}),
        "samples": [
            {"question": new.question, "expected": new.expected, "before": old.answer, "after": new.answer}
            for old, new in zip(before.answers, after.answers, strict=True)
        ][: 2 * SHOWN],
    }


def went_far(kl: float | None) -> Note | None:
    """The warning that answers are far away from those of the reference, where they are."""
    return Note("note-kl-far", kl=round(kl, 1), most=_FAR) if kl is not None and kl > _FAR else None


def _has_risen(before: HeldOutAnswers, after: HeldOutAnswers) -> bool:
    """Surely, over the same questions: the answers to a few change by chance."""
    told = [(old.reward, new.reward) for old, new in zip(before.answers, after.answers, strict=True)]
    rises = [new - old for old, new in told if old is not None and new is not None]
    noise = stdev(rises) / len(rises) ** 0.5 if len(rises) > 1 else 0.0
    return bool(rises) and fmean(rises) > SURE_ERRORS * noise


def _not_risen(before: HeldOutAnswers, after: HeldOutAnswers) -> Cause:
    return Cause("rl-held-out-not-risen", before=round(before.reward, 3), after=round(after.reward, 3))


def figure_table(report: Mapping[str, Any]) -> list[str]:
    """Markdown, for the report and the model card."""
    held, lines = report["held_out"], ["| | before | after |", "|---|---|---|"]
    for name, said in (("reward", "reward"), ("exact", "exact answers"), ("ended", "answers that end")):
        lines.append(
            f"| {said} of {held['questions']} held-out questions "
            f"| {held[f'{name}_before']:.3g} | {held[f'{name}_after']:.3g} |"
        )
    return [*lines, f"| KL an answer to the reference | 0 | {report['kl']:.3g} |"]


def markdown(report: Mapping[str, Any]) -> str:
    said = [] if report["learned"] else [f"**Nothing was learned.** {report['why']}", ""]
    told = f"{report['steps']} updates, {report['trainable']}"
    lines = [
        f"# {report['run']}",
        "",
        f"Base: {report['base']}. Format: {report['format']}. {told}",
        "",
        *said,
        *figure_table(report),
        *(f"\n- {note}" for note in report["notes"]),
        "",
        "## Held-out questions, before and after",
    ]
    for sample in report["samples"]:
        lines += [
            f"\n### {quoted(sample['question'])}\n",
            *([f"- in the data: {quoted(sample['expected'])}"] if sample["expected"] else []),
            f"- before: {quoted(sample['before'])}",
            f"- after: {quoted(sample['after'])}",
        ]
    return "\n".join(lines) + "\n"
