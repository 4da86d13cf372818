"""search-routing, search-citations and search-extracts: what is searched for, supported, and quoted.

Knows: the labeled utterances, sentences and questions that ship, and which of them nothing was chosen on.
Refuses to know: speed. Nothing here depends on time, so one value says it all.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.rounds import Effort, Measured
from search.citations.evaluation import evaluate_citations
from search.extract_evaluation import evaluate_extracts, shipped_questions, shipped_sources
from search.routing_evaluation import evaluate_routing

_ALWAYS_CAUGHT = ("wrong-number", "wrong-date", "wrong-name", "no-such-source")
"""Faults that are looked up and never guessed."""


def measure_routing(effort: Effort) -> Measured:
    """The accuracy on the utterances that no rule was made on."""
    scores = evaluate_routing()
    notes = (
        f"{score.half}: {score.utterances} utterances, accuracy {score.accuracy:.3f}, "
        f"should have been searched {score.missed:.3f}, searched needlessly {score.needless:.3f}, "
        f"no rule held {score.undecided:.3f}"
        for score in scores
    )
    return Measured((scores[1].accuracy,), (), tuple(notes))


def measure_citations(effort: Effort) -> Measured:
    """The precision of "supported" on the sentences that no threshold was chosen on."""
    scores = {split: evaluate_citations(split) for split in ("test", "tune")}
    passed = [
        f"{total - caught} of {total} sentences of the kind {kind} were called supported"
        for score in scores.values()
        for kind, (caught, total) in score.caught.items()
        if kind in _ALWAYS_CAUGHT and caught < total
    ]
    notes = (
        f"{split}: {score.sentences} sentences, precision {score.precision:.3f}, recall {score.recall:.3f}, "
        f"with weak ones {score.recall_with_weak:.3f}; caught: "
        + ", ".join(f"{kind} {caught}/{total}" for kind, (caught, total) in score.caught.items())
        for split, score in scores.items()
    )
    return Measured((scores["test"].precision,), tuple(passed), tuple(notes))


def measure_extracts(effort: Effort) -> Measured:
    """The share of questions of which the documents say nothing that are not answered."""
    asked, lacking = (rows[:: max(1, len(rows) // effort.questions)] for rows in shipped_questions())
    with tempfile.TemporaryDirectory(prefix="narani-search-") as home:
        score = evaluate_extracts(shipped_sources(Path(home)), asked, lacking)
    return Measured(
        (score.abstained_gate,),
        (),
        (
            f"{score.questions} questions: the answer stands in the extract of {score.answered:.3f} "
            f"(asked in the page's words {score.answered_same_words:.3f}), in the sources of "
            f"{score.in_sources:.3f}; nothing answered {score.refused:.3f}",
            f"{score.unanswerable} questions without an answer: nothing answered {score.abstained:.3f}",
        ),
    )
