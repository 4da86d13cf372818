"""A conversation in a history that nobody had to ask for, as long as wanted.

Knows: how runs and answers are written down.
Refuses to know: what a page draws of them, and what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from engines.base import Answer, AnswerRequest, FinishReason
from history.history import History
from history.records import RunHead, StoredAnswer, StoredState
from prompts.conversation import Conversation

_BLOCKS = (
    "## {at}째 부분\n\n나란히 **놓고** 보면 `어느` 답이 *나은지* 한눈에 보입니다. 둘을 함께 읽습니다.\n",
    "- **첫째** 항목은 짧습니다.\n- 둘째 항목은 `조금` 더 깁니다.\n- 셋째 항목입니다.\n",
    "| 모델 | 속도 | 길이 |\n|---|--:|--:|\n| 가 | 12.5 | {at} |\n| **나** | 30.1 | 7 |\n",
    "```python\ndef part(number: int) -> str:\n    return f'{at} {{number}}'\n```\n",
    "> 인용한 글은 *이렇게* 보입니다.\n",
)


def markdown(characters: int) -> str:
    """Text as models write it, of every kind of block."""
    blocks = (_BLOCKS[at % len(_BLOCKS)].format(at=at) for at in range(characters))
    text = ""
    for block in blocks:
        if len(text) >= characters:
            break
        text += f"{block}\n"
    return text[:characters]


def fill(home: Path, owner: str, turns: int, models: Sequence[str], text: str, called: str = "turn") -> None:
    """Its runs are called turn-1, turn-2 and so on, and each answer is this text."""
    history = History(home)
    asked = Conversation.ask(question(1))
    for turn in range(1, turns + 1):
        requests = tuple(AnswerRequest(model, asked) for model in models)
        previous = f"{called}-{turn - 1}" if turn > 1 else None
        history.begin(RunHead(f"{called}-{turn}", owner, datetime.now(UTC), requests, previous))
        for position, request in enumerate(requests):
            history.store(f"{called}-{turn}", _answer(position, request, text))
        asked = asked.answered(text).go_on(question(turn + 1))
    history.close()


def question(turn: int) -> str:
    return f"{turn}번째 질문입니다."


def _answer(position: int, request: AnswerRequest, text: str) -> StoredAnswer:
    now = datetime.now(UTC)
    answer = Answer(request.model_id, text, FinishReason.EOS, request.settings, prompt=text)
    return StoredAnswer(position, 1, StoredState.DONE, answer, now, now)
