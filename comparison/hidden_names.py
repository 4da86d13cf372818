"""Questions and answers without what tells which model gave which, for a person who judges them.

Nothing is covered up: names, settings, figures and exact prompts are not in these pictures, so whatever is
drawn from them cannot tell. Position and attempt stay, by which an answer is marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from comparison.attempts import TurnAttempts
from comparison.scoring import PROBLEM, REWARD
from comparison.turns import ColumnPicture, TurnPicture
from engines.base import Answer, AnswerRequest, GenerationSettings, Measures

_TELLING = (REWARD, PROBLEM)
"""Extras that a judge is not to be led by."""
_ModelKey = tuple[str, int]
"""A model, and the how many-th of its columns in one run."""


def without_names(turns: Sequence[TurnPicture], by: TurnPicture) -> tuple[TurnPicture, ...]:
    """A model is called by the same letter in all of them. In which order they are called follows from the
    run of `by` and from nothing that is seen, so it is another one in each run and stays in one."""
    in_order = sorted(_keys(by), key=lambda key: sha256(f"{by.run_id} {key}".encode()).digest())
    every = dict.fromkeys([*in_order, *(key for turn in turns for key in _keys(turn))])
    letters = {key: _letter(number) for number, key in enumerate(every)}
    return tuple(_turn(turn, letters) for turn in turns)


def attempts_as_shown(attempts: TurnAttempts) -> TurnAttempts:
    """Without names where the turn has none."""
    if not attempts.turn.names_hidden:
        return attempts
    letters = {column.position: column.request.model_id for column in attempts.turn.columns}
    earlier = {
        position: [_column(each, letters[position]) for each in found]
        for position, found in attempts.earlier.items()
    }
    return replace(attempts, earlier=earlier)


def _keys(turn: TurnPicture) -> Iterator[_ModelKey]:
    seen: Counter[str] = Counter()
    for column in turn.columns:
        seen[column.request.model_id] += 1
        yield column.request.model_id, seen[column.request.model_id]


def _letter(number: int) -> str:
    times, at = divmod(number, 26)
    return chr(ord("A") + at) * (times + 1)


def _turn(turn: TurnPicture, letters: Mapping[_ModelKey, str]) -> TurnPicture:
    columns = (_column(column, letters[key]) for column, key in zip(turn.columns, _keys(turn), strict=True))
    in_order = sorted(columns, key=lambda column: list(letters.values()).index(column.request.model_id))
    return replace(turn, columns=tuple(in_order), names_hidden=True)


def _column(column: ColumnPicture, letter: str) -> ColumnPicture:
    answer = column.answer
    return replace(
        column,
        request=_request(column.request, letter),
        measures=Measures(),
        answer=None if answer is None or (answer.cause and not answer.text) else _answer(answer, letter),
    )


def _request(request: AnswerRequest, letter: str) -> AnswerRequest:
    conversation = request.conversation
    turns = tuple(replace(turn, answered_by="") for turn in conversation.turns)
    return replace(
        request,
        model_id=letter,
        conversation=replace(conversation, turns=turns),
        settings=GenerationSettings(),
        format_id=None,
        quantization=None,
        thinking=None,
        extras=_untelling(request.extras),
    )


def _answer(answer: Answer, letter: str) -> Answer:
    return Answer(
        letter, answer.text, answer.finish_reason, GenerationSettings(), extras=_untelling(answer.extras)
    )


def _untelling(extras: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in extras.items() if name not in _TELLING}
