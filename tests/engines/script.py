"""What a scripted model is to say, how fast, what it takes, and how it is to fail.

Where nothing is written for it, it says a Korean echo that depends on nothing but the request.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engines.base import AnswerRequest
from engines.memory import StepChoice
from engines.stopping import Stoppable
from errors import AS_WRITTEN, NaraniError, OutOfMemory

SLICE = 0.01
"""The longest sleep between two looks at the stop flag."""
_SHARES = {"int8": 0.5, "nf4": 0.25}

Reply = Callable[[AnswerRequest], Iterable[str]]


def echo(request: AnswerRequest) -> Iterator[str]:
    """A Korean answer that depends on model, question, input and, when sampling, the seed; nothing else."""
    turn = request.conversation.turns[-1]
    endings = (
        "이렇게 답합니다.",
        "제 생각은 이렇습니다.",
        "짧게 말하면 그래요.",
        "더 물어보셔도 돼요.",
    )
    sampled = random.Random(f"{request.settings.seed}|{request.model_id}|{turn}")
    ending = sampled.choice(endings) if request.settings.temperature > 0 else endings[0]
    about = f" 입력은 {len(turn.input)}자입니다." if turn.input else ""
    text = f"{request.model_id}: “{turn.question}”라는 질문이군요.{about} {ending}"
    return (word if at == 0 else f" {word}" for at, word in enumerate(text.split(" ")))


@dataclass(frozen=True)
class Script:
    """What one model does when it is asked."""

    pieces: Sequence[str] | Reply = echo
    """The text, piece by piece, or a function of the request that yields it."""
    seconds_per_piece: float = 0.0
    repeats: bool = False
    """Say the pieces again and again until stopped or as long as allowed."""
    loading_steps: int = 0
    """How many steps of progress the first question sees while the model loads."""
    seconds_per_loading_step: float = 0.0
    loading_failure: NaraniError | None = None
    """Raised at the end of loading, each time."""
    failure: NaraniError | None = None
    """Raised after `pieces_before_failure` pieces."""
    pieces_before_failure: int = 0
    weight_bytes: int = 10**9
    """Unquantized."""
    cache_bytes: int = 0
    """Taken while it answers."""
    step: StepChoice = StepChoice("eager")
    on_disk: bool = True
    likelihoods: Callable[[AnswerRequest], Mapping[str, float]] | None = None
    """How likely it finds the choices of a request; None: all alike, so that the first is its answer."""

    scores: Callable[[str], float] | None = None
    """How good it finds a choice, of a reward model."""

    def bytes_as(self, quantization: str) -> int:
        return int(self.weight_bytes * _SHARES.get(quantization, 1.0))

    @classmethod
    def out_of_memory(cls, pieces_before_failure: int = 2) -> Script:
        error = OutOfMemory(
            AS_WRITTEN, sentence="The device ran out of memory while answering. Ask for fewer tokens."
        )
        return cls(failure=error, pieces_before_failure=pieces_before_failure)

    @classmethod
    def only_newlines(cls) -> Script:
        return cls(pieces=("\n",), repeats=True)


def pause(seconds: float, live: Stoppable) -> bool:
    """Sleep in slices; whether nobody asked to stop meanwhile."""
    until = time.perf_counter() + seconds
    while not live.stop_asked:
        left = until - time.perf_counter()
        if left <= 0:
            return True
        time.sleep(min(left, SLICE))
    return False
