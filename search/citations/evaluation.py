"""How well citations are checked, on the labeled sentences that ship; apart from the check itself.

Some passages with all their sentences are for choosing thresholds ("tune"), the others only for reporting.
Run `python -m search.citations.evaluation` to see what each choice of thresholds would give on the former.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from search.citations.checking import THRESHOLDS, Thresholds, check_answer
from search.citations.verdicts import CheckedSentence, Verdict
from search.records import SearchSource

_SET = Path(__file__).parents[1] / "sets" / "citations.jsonl"


@dataclass(frozen=True)
class LabeledSentence:
    """A sentence of an answer, and what a careful reader says of it."""

    text: str
    label: str
    """supported, unsupported or uncited."""
    kind: str
    """In which way it is so: literal, paraphrase, wrong-number, …"""
    split: str
    sources: tuple[SearchSource, ...]


@dataclass(frozen=True)
class CitationScore:
    """How the check does on the sentences that name a source or should."""

    split: str
    sentences: int
    precision: float
    """The share of those called supported that are."""
    recall: float
    """The share of the supported ones that are called so."""
    recall_with_weak: float
    """How many are called supported or weak."""
    caught: dict[str, tuple[int, int]]
    """For each kind of fault, how many are not called supported, of how many."""
    wrong: tuple[tuple[LabeledSentence, CheckedSentence], ...]


def labeled_sentences(split: str = "") -> tuple[LabeledSentence, ...]:
    return tuple(each for each in _read() if split in ("", each.split))


def evaluate_citations(split: str = "test", thresholds: Thresholds = THRESHOLDS) -> CitationScore:
    """On the sentences that no threshold was chosen on, unless another part is named."""
    found = [(each, _check(each, thresholds)) for each in labeled_sentences(split) if each.label != "uncited"]
    called = [each for each, checked in found if checked.verdict is Verdict.SUPPORTED]
    at_least_weak = [each for each, checked in found if checked.verdict in (Verdict.SUPPORTED, Verdict.WEAK)]
    supported = [each for each, _ in found if each.label == "supported"]
    right = _count(called, "supported")
    faults: dict[str, tuple[int, int]] = {}
    for each, checked in found:
        if each.label == "unsupported":
            caught, total = faults.get(each.kind, (0, 0))
            faults[each.kind] = (caught + (checked.verdict is not Verdict.SUPPORTED), total + 1)
    return CitationScore(
        split,
        len(found),
        precision=right / max(1, len(called)),
        recall=right / max(1, len(supported)),
        recall_with_weak=_count(at_least_weak, "supported") / max(1, len(supported)),
        caught=faults,
        wrong=tuple(
            (each, checked)
            for each, checked in found
            if (each.label == "supported") != (checked.verdict is Verdict.SUPPORTED)
        ),
    )


def _check(labeled: LabeledSentence, thresholds: Thresholds) -> CheckedSentence:
    return check_answer(labeled.text, labeled.sources, thresholds)[0]


def _count(sentences: Iterable[LabeledSentence], label: str) -> int:
    return sum(each.label == label for each in sentences)


def _read() -> Iterator[LabeledSentence]:
    for line in _SET.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        sources = tuple(
            SearchSource(number, each["title"], "", "", each["date"], each["passage"])
            for number, each in enumerate(row["sources"], start=1)
        )
        for each in row["sentences"]:
            yield LabeledSentence(each["text"], each["label"], each["kind"], row["split"], sources)


def _choices() -> Iterator[str]:
    """What each choice gives on the part for choosing."""
    for supported, weak, same in itertools.product((0.5, 0.6, 0.7, 0.8), (0.3, 0.4, 0.5), (0.5, 0.65, 0.8)):
        score = evaluate_citations("tune", Thresholds(supported, weak, same))
        yield (
            f"supported {supported:.2f}  weak {weak:.2f}  same {same:.2f}  precision {score.precision:.3f}"
            f"  recall {score.recall:.3f}  with weak {score.recall_with_weak:.3f}\n"
        )


if __name__ == "__main__":
    sys.stdout.writelines(_choices())
