"""What is told of a reward model: how well it judges pairs that it did not learn, and whether it learned.

A share of pairs says little without the interval that it may as well have; so only a model whose interval
lies above one half counts as one that learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from errors import Cause
from errors.note import note_facts
from finetune.preference.reward_measures import Judgment, ScoredPair, mean_margin
from finetune.preference.rows import PairRow
from finetune.training.report import quoted

_SAMPLES = 8
_PAIRS = {"matched": "pairs of like length", "chosen_shorter": "pairs whose better answer is shorter"}
_CARD = """\
A reward model over {base}, trained by Narani ({method}). It scores an answer by the state at its last \
token: prompt in the format `{format}`, answer, and `{end}` where the answer ended.

```python
network = AutoModelForSequenceClassification.from_pretrained(BASE, num_labels=1, pad_token_id={pad_id})
network = PeftModel.from_pretrained(network, FOLDER)
```"""
_DROPS = {
    "swapped_prompts": "better answers under another question",
    "cut_answers": "better answers cut in the middle",
}


def judged_ids(rows: Sequence[PairRow]) -> list[list[int]]:
    """All rows that a judgment needs scored: both answers of each pair, the better one under the next
    question that is another, and the better one cut in the middle."""
    swapped = [[*prompt, *row.chosen] for row, prompt in _other_prompts(rows)]
    cut = [[*row.prompt, *row.chosen[: max(1, len(row.chosen) // 2)]] for row in rows]
    return [*(row.chosen_ids for row in rows), *(row.rejected_ids for row in rows), *cut, *swapped]


def judgment_of(rows: Sequence[PairRow], scores: Sequence[float]) -> Judgment:
    """`scores`: of judged_ids."""
    count = len(rows)
    pairs = [
        ScoredPair(chosen, rejected, len(row.chosen), len(row.rejected))
        for row, chosen, rejected in zip(rows, scores[:count], scores[count : 2 * count], strict=True)
    ]
    return Judgment(pairs, swapped=scores[3 * count :], cut=scores[2 * count : 3 * count])


def _other_prompts(rows: Sequence[PairRow]) -> Iterator[tuple[PairRow, tuple[int, ...]]]:
    """None where there is only one question."""
    prompts = list(dict.fromkeys(row.prompt for row in rows))
    following = dict(zip(prompts, [*prompts[1:], prompts[0]], strict=True))
    for row in rows if len(prompts) > 1 else ():
        yield row, following[row.prompt]


def nothing_learned(judgment: Judgment) -> Cause | None:
    """Why it may not lead a policy, where it may not."""
    found = judgment.accuracy
    if found.proven:
        return None
    shares = {name: round(getattr(found, name) * 100) for name in ("accuracy", "low", "high")}
    return Cause("reward-like-a-coin", pairs=found.pairs, **shares)


def report_of(
    before: Sequence[ScoredPair],
    judgment: Judgment,
    samples: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """`before`: the held-out pairs as they were scored before it learned."""
    why = nothing_learned(judgment)
    return {
        **facts,
        **judgment.figures(),
        "held_out_before": {
            "accuracy": sum(pair.right for pair in before) / len(before),
            "margin": mean_margin(before),
        },
        "learned": why is None,
        **({} if why is None else {"why": str(why), "why_facts": why.as_json()}),
        "notes": [*facts["notes"], *judgment.notes()],
        "note_facts": [*facts["note_facts"], *note_facts(judgment.notes())],
        "samples": [],
        "scored": list(samples)[:_SAMPLES],
    }


def scored_samples(
    rows: Sequence[PairRow], questions: Mapping[str, tuple[str, str, str]], after: Sequence[ScoredPair]
) -> Iterator[dict[str, Any]]:
    """`questions`: question, better and worse answer of each row, by where it was read."""
    for row, pair in zip(rows, after, strict=True):
        question, chosen, rejected = questions[row.source]
        yield {
            "question": question,
            "chosen": chosen,
            "rejected": rejected,
            "chosen_score": pair.chosen,
            "rejected_score": pair.rejected,
        }


def figure_table(report: Mapping[str, Any]) -> list[str]:
    """Markdown, for the report and the model card."""
    held, before = report["held_out"], report["held_out_before"]
    lines = ["| | before | after |", "|---|---|---|"]
    lines.append(f"| held-out pairs told apart | {before['accuracy']:.1%} | {_share(held)} |")
    lines.append(f"| margin of the two scores | {before['margin']:.3g} | {held['margin']:.3g} |")
    lines.append(f"| calibration error | | {report['calibration_error']:.3g} |")
    length = report["length"]
    lines.append(f"| correlation of score and length | | {length['correlation']:.2f} |")
    lines += [f"| {said} | | {_share(length[name])} |" for name, said in _PAIRS.items() if length[name]]
    for name, said in _DROPS.items():
        if drop := report[name]:
            lines.append(f"| mean score of {said} | {drop['before']:.3g} as they are | {drop['after']:.3g} |")
    return lines


def how_to_score(report: Mapping[str, Any], end: str) -> str:
    """For the card: what it reads, and how it is loaded elsewhere."""
    return _CARD.format(**{**report, "end": end})


def markdown(report: Mapping[str, Any]) -> str:
    return "\n".join([f"# {report['run']}", "", *_summary(report), "", *_scored(report["scored"]), ""])


def _summary(report: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"A reward model over {report['base']}. Format: {report['format']}. {report['steps']} steps, "
        f"{report['trainable']}"
    )
    yield ""
    if not report["learned"]:
        yield f"**Nothing was learned.** {report['why']}"
        yield ""
    yield from figure_table(report)
    yield from (f"\n- {note}" for note in report["notes"])


def _scored(samples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Held-out pairs and their scores"
    for sample in samples:
        yield f"\n### {quoted(sample['question'])}\n"
        yield f"- better: {quoted(sample['chosen'])}: {sample['chosen_score']:.3f}"
        yield f"- worse: {quoted(sample['rejected'])}: {sample['rejected_score']:.3f}"


def _share(held: Mapping[str, Any]) -> str:
    return f"{held['accuracy']:.1%} of {held['pairs']} ({held['low']:.1%} to {held['high']:.1%})"
