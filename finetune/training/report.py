"""What a training changed, in figures and in answers: as JSON for pages, as Markdown for people.

Knows: what is measured before and after, and how the two stand side by side.
Refuses to know: how anything is measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from errors import NaraniError
from finetune.training.measuring import NEAR, Answered, Predicted

SAMPLES = 8
"""Questions whose answers before and after are shown."""


@dataclass(frozen=True)
class NetworkMeasures:
    """All that is measured of a network at one time."""

    held_out: Predicted
    forgetting: Predicted
    held_out_answers: tuple[Answered, ...]
    learned_answers: tuple[Answered, ...]

    @classmethod
    def read(cls, held: dict[str, Any]) -> NetworkMeasures:
        return cls(
            Predicted(**held["held_out"]),
            Predicted(**held["forgetting"]),
            tuple(Answered(**answer) for answer in held["held_out_answers"]),
            tuple(Answered(**answer) for answer in held["learned_answers"]),
        )

    def written(self) -> dict[str, Any]:
        return asdict(self)


def refuse_no_numbers(before: NetworkMeasures, after: NetworkMeasures) -> None:
    """JSON has no word for what is not a number, and nobody wants a model that computes it."""
    figures = (before.held_out, before.forgetting, after.held_out, after.forgetting)
    if not all(math.isfinite(found.loss) for found in figures):
        raise NaraniError("holdout-loss-no-number")


def report_of(before: NetworkMeasures, after: NetworkMeasures, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        **facts,
        "held_out": {"before": _figures(before.held_out), "after": _figures(after.held_out)},
        "forgetting": {"before": _figures(before.forgetting), "after": _figures(after.forgetting)},
        "answers": {
            "near_from": NEAR,
            "held_out": _counts(before.held_out_answers, after.held_out_answers),
            "learned": _counts(before.learned_answers, after.learned_answers),
        },
        "samples": _samples(before.held_out_answers, after.held_out_answers),
        "learned_samples": _samples(before.learned_answers, after.learned_answers),
    }


def markdown(report: dict[str, Any]) -> str:
    lines = [f"# {report['run']}", "", *_summary(report), ""]
    lines += ["## Held-out questions, before and after", ""]
    for sample in report["samples"]:
        lines += [
            f"### {quoted(sample['question'])}",
            "",
            f"- in the data: {quoted(sample['expected'])}",
            f"- before: {quoted(sample['before'])}",
            f"- after: {quoted(sample['after'])}",
            "",
        ]
    return "\n".join(lines)


def figure_table(report: dict[str, Any]) -> list[str]:
    """Markdown, for the report and the model card."""
    held, plain, answers = report["held_out"], report["forgetting"], report["answers"]
    rows = [
        ("held-out loss", held["before"]["loss"], held["after"]["loss"]),
        ("held-out perplexity", held["before"]["perplexity"], held["after"]["perplexity"]),
        ("perplexity of plain sentences", plain["before"]["perplexity"], plain["after"]["perplexity"]),
    ]
    lines = ["| | before | after |", "|---|---|---|"]
    lines += [f"| {name} | {before:.4g} | {after:.4g} |" for name, before, after in rows]
    for name, told in (("held-out", answers["held_out"]), ("learned", answers["learned"])):
        for kind in ("exact", "near"):
            before, after, asked = told["before"][kind], told["after"][kind], told["asked"]
            lines.append(f"| {kind} answers to {name} questions | {before} of {asked} | {after} of {asked} |")
    return lines


def _summary(report: dict[str, Any]) -> list[str]:
    return [
        f"Base: {report['base']}. Format: {report['format']}. Method: {report['method']}. "
        f"{report['steps']} steps, {report['trainable']}",
        "",
        *figure_table(report),
        "",
        f"Near: at least {NEAR:.0%} of the characters in common, in order.",
        *(f"\n- {note}" for note in report["notes"]),
    ]


def _figures(found: Predicted) -> dict[str, Any]:
    return {"loss": found.loss, "perplexity": found.perplexity, "tokens": found.tokens}


def _counts(before: Sequence[Answered], after: Sequence[Answered]) -> dict[str, Any]:
    return {"asked": len(after), "before": _right(before), "after": _right(after)}


def _right(answers: Sequence[Answered]) -> dict[str, int]:
    return {"exact": sum(a.exact for a in answers), "near": sum(a.near for a in answers)}


def _samples(before: Sequence[Answered], after: Sequence[Answered]) -> list[dict[str, Any]]:
    return [
        {
            "source": new.source,
            "question": new.question,
            "expected": new.expected,
            "before": old.answer,
            "after": new.answer,
        }
        for old, new in list(zip(before, after, strict=True))[:SAMPLES]
    ]


def quoted(text: str) -> str:
    """On one line, and nothing in it taken for Markdown or HTML."""
    plain = " ".join(text.split()) or "(nothing)"
    return "`" + plain.replace("`", "'") + "`"
