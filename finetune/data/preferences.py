"""From the texts of a row to what is learned of preferences: pairs, answers found good or bad, and questions
that the model answers by itself.

Pairs are written as texts or as messages. Messages may hold the answer alone or the whole conversation, whose
beginning that both have in common is the question.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from errors import Cause
from finetune.data.conversations import (
    answered_turns,
    begun,
    conversations_of,
    items_in,
    without_stray_quote,
)
from finetune.data.messages import Message, refuse_what_is_not_text, said_in, text_in
from finetune.data.rows import BadRow, EmptyAnswer
from finetune.data.shapes import DataShape, FieldColumns
from finetune.examples import LabeledAnswer, PreferencePair, PromptOnly
from prompts.conversation import Conversation, Turn

_Row = Mapping[str, object]
_LABELS = {
    **dict.fromkeys(("true", "1", "good", "yes"), True),
    **dict.fromkeys(("false", "0", "bad", "no"), False),
}


def pairs_of(row: _Row, shape: DataShape, told: Counter[Cause]) -> list[PreferencePair]:
    """Every pair of a row; raises BadRow."""
    refuse_what_is_not_text(row, told)
    columns = shape.columns
    if not columns.completions:
        return [_pair(row, columns, told)]
    question = _question(row, columns, told)
    answers, ranks = _ranked(row, columns, told)
    pairs = []
    for one, other in combinations(range(len(answers)), 2):
        better, worse = sorted((one, other), key=ranks.__getitem__)
        if ranks[one] == ranks[other]:
            told[Cause("told-ties", count=0)] += 1
        elif answers[one].strip() == answers[other].strip():
            told[Cause("told-same-answers", count=0)] += 1
        else:
            pairs.append(PreferencePair(question, answers[better], answers[worse], ""))
    if not pairs:
        raise BadRow("ranking-tells-nothing", column=columns.ranking)
    return pairs


def labeled_of(row: _Row, shape: DataShape, told: Counter[Cause]) -> list[LabeledAnswer]:
    """An answer with its label, or both answers of a pair, or the best and the worst of a ranking."""
    columns = shape.columns
    if columns.completions:
        return _best_and_worst(row, columns, told)
    if shape.use == "pairs":
        return [
            LabeledAnswer(pair.conversation, answer, good, "")
            for pair in pairs_of(row, shape, told)
            for answer, good in ((pair.chosen, True), (pair.rejected, False))
        ]
    refuse_what_is_not_text(row, told)
    good = _label(row.get(columns.label))
    if columns.talk:
        *asked, last = [said_in(item, told) for item in items_in(row, columns.talk)]
        if last.speaker != "model":
            raise BadRow("row-without-answer")
        question, answer = _asked(asked, text_in(row, columns.system), told), last.text
    else:
        question, answer = _question(row, columns, told), _one_answer(row, columns.answer, told)
    if not answer.strip():
        raise EmptyAnswer("cell-empty", column=columns.answer or columns.talk)
    return [LabeledAnswer(question, answer, good, "")]


def prompts_of(row: _Row, shape: DataShape, told: Counter[Cause]) -> list[PromptOnly]:
    """The question of any row; `expected` is the answer that the row has, or finds better, to it."""
    columns = shape.columns
    if columns.completions:
        question = _question(row, columns, told)
        answers, ranks = _ranked(row, columns, told)
        return [PromptOnly(question, "", answers[ranks.index(min(ranks))])]
    if shape.use == "pairs":
        return [PromptOnly(pair.conversation, "", pair.chosen) for pair in pairs_of(row, shape, told)]
    if shape.use == "labeled":
        found = labeled_of(row, shape, told)
        return [PromptOnly(one.conversation, "", one.answer if one.good else "") for one in found]
    if shape.use == "prompts":
        refuse_what_is_not_text(row, told)
        return [PromptOnly(_question(row, columns, told), "", text_in(row, columns.expected))]
    if columns.talk:
        said = [said_in(item, Counter()) for item in items_in(row, columns.talk)]
        if said[-1].speaker == "person":
            return [PromptOnly(_asked(said, text_in(row, columns.system), told), "")]
    return [_without_answer(one.conversation) for one in conversations_of(row, shape, told)]


def _without_answer(conversation: Conversation) -> PromptOnly:
    *earlier, last = conversation.turns
    asked = Conversation((*earlier, replace(last, answer=None)), conversation.system)
    return PromptOnly(asked, "", last.answer or "")


def _pair(row: _Row, columns: FieldColumns, told: Counter[Cause]) -> PreferencePair:
    chosen, rejected = _said(row, columns.chosen, told), _said(row, columns.rejected, told)
    if [_text(one) for one in chosen] == [_text(one) for one in rejected]:
        raise BadRow("pair-answers-equal", chosen=columns.chosen, rejected=columns.rejected)
    common = _common(chosen, rejected)
    if not all(len(said) == common + 1 and said[common].speaker == "model" for said in (chosen, rejected)):
        raise BadRow("pair-parts-early", chosen=columns.chosen, rejected=columns.rejected)
    if common:
        question = _asked(chosen[:common], text_in(row, columns.system), told)
    elif columns.question:
        question = _question(row, columns, told)
    else:
        raise BadRow("pair-without-question", chosen=columns.chosen)
    for said, column in ((chosen, columns.chosen), (rejected, columns.rejected)):
        if not said[-1].text.strip():
            raise EmptyAnswer("cell-empty", column=column)
    return PreferencePair(question, chosen[-1].text, rejected[-1].text, "")


def _common(one: Sequence[Message], other: Sequence[Message]) -> int:
    """How many messages both begin with; the last of each is an answer, and never among them."""
    most = min(len(one), len(other)) - 1
    return next((at for at in range(most) if _text(one[at]) != _text(other[at])), most)


def _text(said: Message) -> tuple[str, str]:
    return said.speaker, said.text.strip()


def _question(row: _Row, columns: FieldColumns, told: Counter[Cause]) -> Conversation:
    system = text_in(row, columns.system)
    if _is_messages(row.get(columns.question)):
        return _asked(_said(row, columns.question, told), system, told)
    question = text_in(row, columns.question)
    if not question.strip():
        raise BadRow("cell-empty", column=columns.question)
    return Conversation.ask(question, text_in(row, columns.input), system)


def _asked(said: Sequence[Message], system: str, told: Counter[Cause]) -> Conversation:
    said, system = begun(said, system, told)
    if not said or said[-1].speaker != "person":
        raise BadRow("question-not-last")
    turns = [turn for turn, _ in answered_turns(said)]
    if not said[-1].text.strip():
        raise BadRow("talk-question-empty")
    return Conversation((*turns, Turn(said[-1].text)), system)


def _said(row: _Row, column: str, told: Counter[Cause]) -> list[Message]:
    """Messages; a text is what the model says."""
    if _is_messages(row.get(column)):
        return [said_in(item, told) for item in items_in(row, column)]
    return [Message("model", text_in(row, column))]


def _one_answer(row: _Row, column: str, told: Counter[Cause]) -> str:
    said = _said(row, column, told)
    if len(said) != 1 or said[0].speaker != "model":
        raise BadRow("answer-not-alone", column=column)
    return said[0].text


def _is_messages(value: object) -> bool:
    """Unlike the parts of one text, they say who speaks."""
    return isinstance(value, list) and any(
        isinstance(item, dict) and ("role" in item or "from" in item) for item in value
    )


def _best_and_worst(row: _Row, columns: FieldColumns, told: Counter[Cause]) -> list[LabeledAnswer]:
    refuse_what_is_not_text(row, told)
    question = _question(row, columns, told)
    answers, ranks = _ranked(row, columns, told)
    best, worst = min(ranks), max(ranks)
    if best == worst:
        raise BadRow("ranking-tells-nothing", column=columns.ranking)
    if between := sum(best < rank < worst for rank in ranks):
        told[Cause("told-between", count=0)] += between
    return [
        LabeledAnswer(question, answer, rank == best, "")
        for answer, rank in zip(answers, ranks, strict=True)
        if rank in (best, worst)
    ]


def _ranked(row: _Row, columns: FieldColumns, told: Counter[Cause]) -> tuple[list[str], list[int]]:
    """The answers and the rank of each, 0 for the best."""
    answers = [text_in(row, column) for column in columns.completions]
    for answer, column in zip(answers, columns.completions, strict=True):
        if not answer.strip():
            raise EmptyAnswer("cell-empty", column=column)
    ranks = _ranks(row.get(columns.ranking))
    if ranks is None:
        raise BadRow("ranking-no-ranks", column=columns.ranking)
    if len(ranks) != len(answers):
        raise BadRow(
            "ranking-of-other-length", column=columns.ranking, ranks=len(ranks), answers=len(answers)
        )
    return [without_stray_quote(answer, told) for answer in answers], ranks


def _ranks(value: Any) -> list[int] | None:
    """A table without lists holds them as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, list) or not all(type(rank) is int for rank in value):
        return None
    return value


def _label(value: object) -> bool:
    good = _LABELS.get(str(value).strip().casefold())
    if good is None:
        raise BadRow("label-neither", value=value)
    return good
