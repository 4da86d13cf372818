"""What a tuning on preferences changed, in figures and in answers, and whether it learned anything at all.

That the better answer became the likelier one of its pair says little by itself: both may have become
unlikely. So the report asks the same held-out questions before and after, and watches the better answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from errors import Cause
from finetune.rl.held_out import SURE_ERRORS
from finetune.training.measuring import Answered
from finetune.training.report import quoted

_SAMPLES = 8
_ROWS = {
    "accuracy": "held-out pairs told apart",
    "reward": "held-out margin",
    "exact": "exact answers",
    "ended": "answers that end",
    "chosen_change": "log-probability of good answers against the reference",
    "kl": "KL an answer",
}


@dataclass(frozen=True)
class PreferenceMeasures:
    """All that is measured of held-out rows at one time."""

    figures: Mapping[str, float]
    """`reward` (the mean margin) with `reward_error` (its standard error), `accuracy`, `chosen_change`,
    `kl`; as far as the kind has them."""
    answers: tuple[Answered, ...]

    @classmethod
    def read(cls, held: Mapping[str, Any]) -> PreferenceMeasures:
        return cls(held["figures"], tuple(Answered(**answer) for answer in held["answers"]))

    def written(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def exact(self) -> float:
        return _share([answer.exact for answer in self.answers])

    @property
    def ended(self) -> float:
        return _share([answer.ended for answer in self.answers])


def report_of(
    before: PreferenceMeasures, after: PreferenceMeasures, why: Cause | None, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """`why`: nothing was learned."""
    figures = after.figures
    return {
        **facts,
        "held_out": {
            "reward_before": before.figures.get("reward"),
            "reward_after": figures.get("reward"),
            "exact_before": before.exact,
            "exact_after": after.exact,
            "ended_before": before.ended,
            "ended_after": after.ended,
            "accuracy": figures.get("accuracy"),
            "chosen_change": figures.get("chosen_change"),
            "asked": len(after.answers),
        },
        "kl": figures.get("kl"),
        "learned": why is None,
        **({} if why is None else {"why": str(why), "why_facts": why.as_json()}),
        "samples": [
            {"question": new.question, "expected": new.expected, "before": old.answer, "after": new.answer}
            for old, new in list(zip(before.answers, after.answers, strict=True))[:_SAMPLES]
        ],
    }


def nothing_learned(
    before: PreferenceMeasures, after: PreferenceMeasures, moved: bool, largest_gradient: float
) -> Cause | None:
    """Why the tuning came to nothing, where it did. `moved`: whether a weight is another than before."""
    if not largest_gradient:
        return Cause("preference-no-gradients")
    if not moved:
        return Cause("preference-unmoved")
    same = [old.answer == new.answer for old, new in zip(before.answers, after.answers, strict=True)]
    if all(same):
        return Cause("preference-same-answers", asked=len(same), accuracy=after.figures.get("accuracy", 0.0))
    return _not_risen(before.figures, after.figures)


def _not_risen(before: Mapping[str, float], after: Mapping[str, float]) -> Cause | None:
    """Held-out margins have to rise by more than chance; nothing is said where none were measured."""
    if not {"reward", "reward_error"} <= after.keys() or "reward" not in before:
        return None
    if after["reward"] - before["reward"] > SURE_ERRORS * after["reward_error"]:
        return None
    return Cause("preference-not-risen", before=round(before["reward"], 3), after=round(after["reward"], 3))


def fell_below(change: float) -> Cause | None:
    """The warning that good answers became less likely than they were, where they did."""
    return Cause("preference-chosen-fell", change=round(-change, 2)) if change < 0 else None


def figure_table(report: Mapping[str, Any]) -> list[str]:
    """Markdown, for the report and the model card."""
    held = {**report["held_out"], "kl_after": report["kl"]}
    lines = ["| | before | after |", "|---|---|---|"]
    for name, said in _ROWS.items():
        before, after = held.get(f"{name}_before"), held.get(f"{name}_after", held.get(name))
        if after is not None:
            lines.append(f"| {said} | {_told(before)} | {_told(after)} |")
    return lines


def markdown(report: Mapping[str, Any]) -> str:
    return "\n".join([f"# {report['run']}", "", *_summary(report), "", *_samples(report["samples"])])


def _summary(report: Mapping[str, Any]) -> Iterator[str]:
    base, steps = f"Base: {report['base']}. Format: {report['format']}.", report["steps"]
    yield f"{base} {steps} steps, {report['trainable']}"
    yield ""
    if not report["learned"]:
        yield f"**Nothing was learned.** {report['why']}"
        yield ""
    yield from figure_table(report)
    yield from (f"\n- {note}" for note in report["notes"])


def _samples(samples: Sequence[Mapping[str, str]]) -> Iterator[str]:
    yield "## Held-out questions, before and after"
    for sample in samples:
        yield f"\n### {quoted(sample['question'])}\n"
        yield f"- in the data: {quoted(sample['expected'])}"
        yield f"- before: {quoted(sample['before'])}"
        yield f"- after: {quoted(sample['after'])}"


def _share(held: Sequence[bool]) -> float:
    return sum(held) / max(1, len(held))


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
