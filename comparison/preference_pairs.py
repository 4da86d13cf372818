"""Pairs of a better and a worse answer to one question, from marks in the history and from files in which
people compared two answers, in the shape that tuning on preferences reads: prompt, chosen and rejected. And
answers that were found good or bad by themselves, as thumbs: prompt, completion and label.

What was marked is held against the answers that stood beside it then, of which one may be asked again since.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparison.questions import column_for, jsonl_rows, table_rows
from engines.base import FinishReason, State
from errors import BadEntry
from history.records import BAD, GOOD, mark_of
from history.rows import request_of
from prompts.conversation import Conversation
from prompts.thinking import thinking_and_answer
from text_files import open_text
from text_rows import plain_name

if TYPE_CHECKING:
    from history.history import History

_ANSWERS = ("answer_a", "answer_b")
_BETTER = {"a": 0, "answer_a": 0, "b": 1, "answer_b": 1, "tie": None, "": None}

StoredCells = Mapping[str, Any]


class LeftOut(StrEnum):
    """Why two answers are no pair, or one is no thumb."""

    UNFINISHED = "one of the two failed, was stopped or was cut"
    CUT = "it was stopped or was cut"
    SAME_TEXT = "both say the same"
    OTHER_CONVERSATION = "they follow different conversations"
    TIE = "neither was found better"
    TWICE = "the same pair was there already"
    SAME_ANSWER = "the same answer to the same question was there already"
    CONTRARY = "the other way round they were a pair already"


@dataclass
class JudgedRows:
    """Rows as they come together, each once."""

    rows: list[dict[str, object]] = field(default_factory=list)
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    _seen: set[str] = field(default_factory=set)
    _prompts: set[str] = field(default_factory=set)

    @property
    def questions(self) -> int:
        return len(self._prompts)

    def _keep(self, key: str, conversation: Conversation, **answers: str) -> dict[str, object]:
        """The row, with its answers as texts or, where the question is messages, as messages."""
        prompt = _prompt(conversation)
        self._seen.add(key)
        self._prompts.add(json.dumps(prompt))
        told: dict[str, object] = {**prompt, **answers}
        if len(conversation.turns) > 1:
            told |= {name: [_message("assistant", text)] for name, text in answers.items()}
        self.rows.append(told)
        return self.rows[-1]


class JudgedPairs(JudgedRows):
    """Of a better and a worse answer."""

    def add(self, conversation: Conversation, chosen: str, rejected: str) -> None:
        if chosen.strip() == rejected.strip():
            self.left_out[LeftOut.SAME_TEXT] += 1
            return
        prompt = _prompt(conversation)
        pair = json.dumps([prompt, chosen.strip(), rejected.strip()])
        if pair in self._seen:
            self.left_out[LeftOut.TWICE] += 1
            return
        if json.dumps([prompt, rejected.strip(), chosen.strip()]) in self._seen:
            self.left_out[LeftOut.CONTRARY] += 1
            return
        self._keep(pair, conversation, chosen=chosen, rejected=rejected)


class JudgedThumbs(JudgedRows):
    """Of answers that were found good or bad."""

    def add(self, conversation: Conversation, answer: str, good: bool) -> None:
        key = json.dumps([_prompt(conversation), answer.strip()])
        if key in self._seen:
            self.left_out[LeftOut.SAME_ANSWER] += 1
            return
        self._keep(key, conversation, completion=answer)["label"] = good


def add_from_history(pairs: JudgedPairs, history: History, owner: str) -> None:
    """Each answer that is marked as the better one, against each that stood beside it; then each that was
    found good, against each to the same question that was found bad."""
    for _, rows in groupby(_stored(history, owner), key=lambda row: row["run_id"]):
        of_run = list(rows)
        for row in of_run:
            if row["mark"].better:
                _compare(pairs, row, _beside(row, of_run))
        bad = [row for row in of_run if row["mark"].rating == BAD]
        for row in of_run:
            if row["mark"].rating == GOOD:
                compared = _beside(row, of_run) if row["mark"].better else []
                _compare(pairs, row, [other for other in bad if other not in compared])


def thumbs_from_history(history: History, owner: str) -> JudgedThumbs:
    thumbs = JudgedThumbs()
    for row in _stored(history, owner):
        if row["mark"].rating and not _is_whole(row):
            thumbs.left_out[LeftOut.CUT] += 1
        elif row["mark"].rating:
            thumbs.add(request_of(row["request"]).conversation, row["text"], row["mark"].rating == GOOD)
    return thumbs


def add_from_file(pairs: JudgedPairs, path: Path) -> None:
    """A row is a question, answer_a, answer_b, and in `better` which of them: a, b or tie."""
    with open_text(path) as file:
        rows = jsonl_rows(file) if path.suffix.lower() == ".jsonl" else table_rows(file)
        for line, row in rows:
            cells = {plain_name(name): "" if cell is None else str(cell) for name, cell in row.items()}
            asked = cells.get(column_for("question", cells) or "", "")
            answers = [cells.get(name, "") for name in _ANSWERS]
            if not (asked.strip() and all(map(str.strip, answers)) and "better" in cells):
                raise BadEntry("judged-row-lacks", file=file.name, line=line)
            better = _BETTER.get(plain_name(cells["better"]), -1)
            if better == -1:
                raise BadEntry("judged-better-unknown", file=file.name, line=line, value=cells["better"])
            if better is None:
                pairs.left_out[LeftOut.TIE] += 1
                continue
            input, system = (cells.get(column_for(use, cells) or "", "") for use in ("input", "system"))
            pairs.add(Conversation.ask(asked, input, system), answers[better], answers[1 - better])


def as_json_lines(judged: JudgedRows) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in judged.rows)


def _stored(history: History, owner: str) -> Iterator[dict[str, Any]]:
    """Every attempt of every answer, those of a run in a row, each with its mark."""
    for batch in history.flat(owner):
        for cells in zip(*batch.values(), strict=True):
            row: dict[str, Any] = dict(zip(batch, cells, strict=True))
            yield row | {"mark": mark_of(json.loads(row["extras"] or "{}"))}


def _beside(better: StoredCells, of_run: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An answer that came whole only after the mark was set was not compared."""
    over = set(better["mark"].over)
    newest = {row["position"]: row for row in of_run}
    known = {better["position"], *(position for position, _ in over)}
    beside = [row for row in of_run if (row["position"], row["attempt"]) in over]
    return beside + [
        row for position, row in newest.items() if position not in known and row["state"] != State.DONE
    ]


def _compare(pairs: JudgedPairs, better: StoredCells, beside: list[dict[str, Any]]) -> None:
    asked = request_of(better["request"]).conversation
    for other in beside:
        if not (_is_whole(better) and _is_whole(other)):
            pairs.left_out[LeftOut.UNFINISHED] += 1
        elif _prompt(asked) != _prompt(request_of(other["request"]).conversation):
            pairs.left_out[LeftOut.OTHER_CONVERSATION] += 1
        else:
            pairs.add(asked, _said(better), _said(other))


def _is_whole(row: StoredCells) -> bool:
    ended = row["state"] == State.DONE and row["finish_reason"] != FinishReason.LENGTH
    return ended and bool(_said(row).strip())


def _said(row: StoredCells) -> str:
    """Without its thinking, which is no part of what was compared."""
    return thinking_and_answer(row["text"] or "", row["prompt"] or "").answer


def _prompt(conversation: Conversation) -> dict[str, object]:
    """One question as texts; a conversation as messages, in which an input stands below its question."""
    *earlier, last = conversation.turns
    if not earlier:
        said = {"prompt": last.question, "input": last.input, "system": conversation.system}
        return {name: text for name, text in said.items() if text}
    messages = [_message("system", conversation.system)] if conversation.system else []
    for turn in conversation.turns:
        messages.append(_message("user", f"{turn.question}\n\n{turn.input}" if turn.input else turn.question))
        if turn is not last:
            messages.append(_message("assistant", turn.answer or ""))
    return {"prompt": messages}


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
