"""One question on its way through the decode loop: the tokens so far, and the answer they become.

It is handed one token at a time, decides when the answer ends and why, and keeps the times and counts behind
its measures. It sees no model, no batch and no other question.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from engines.base import Answer, AnswerRequest, FinishReason, LiveAnswer, Measures, State
from engines.memory import StepChoice
from engines.sampling import TokenSampler
from engines.steps.step import StepName
from engines.text_stream import TextStream
from errors import NaraniError


@dataclass(frozen=True)
class AnswerOrigin:
    """What stands in an answer besides its text: everything needed to ask the same again."""

    request: AnswerRequest
    prompt: str
    format_id: str
    revision: str | None
    quantization: str
    load_seconds: float | None
    step: StepChoice = StepChoice("eager")


class TurnClock:
    """Seconds of all turns that a model had so far, with the one it is in."""

    _before = _began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._before += time.perf_counter() - self._began

    def seconds(self) -> float:
        """Asked within a turn."""
        return self._before + time.perf_counter() - self._began


@dataclass(eq=False)
class Sequence:
    """A question with its encoded prompt; `on_end` is called once, just before the answer is out."""

    origin: AnswerOrigin
    live: LiveAnswer
    prompt_ids: list[int]
    eos_token_ids: frozenset[int]
    max_new_tokens: int
    sampler: TokenSampler
    stream: TextStream
    on_end: Callable[[], None]
    last_token: int = -1
    peak_bytes: int = 0
    step_bytes: int = 0
    step: StepName | None = None
    """How its last token was computed."""
    _turns: TurnClock = field(default_factory=TurnClock)
    _turns_before: float | None = None
    _own_seconds: float | None = None
    _tokens_out: int = 0
    _steps: int = 0
    _parts: list[str] = field(default_factory=list)
    _characters: int = 0
    _first_token_at: float = 0.0
    _first_text_at: float | None = None
    _last_token_at: float = 0.0
    _answer: Answer | None = None

    @property
    def limit(self) -> int:
        """The most tokens the model will hold for this question."""
        return len(self.prompt_ids) + self.max_new_tokens

    @property
    def tokens_left(self) -> int:
        """How many more it can take before it ends by its length."""
        return self.max_new_tokens - self._tokens_out

    @property
    def ended(self) -> bool:
        return self._answer is not None

    def begin_reading(self, turns: TurnClock) -> None:
        """It has its row: what its model does from here on is its own time."""
        self._turns, self._turns_before = turns, turns.seconds()

    def stepped(self, step: StepName, held: int, kept: int) -> None:
        """By which step, and the bytes that its model held then, those of the step among them."""
        self.step, self.peak_bytes = step, max(self.peak_bytes, held)
        self.step_bytes = max(self.step_bytes, kept)

    def take(self, token: int) -> None:
        """The next token; ends the answer where it is the last."""
        self._last_token_at = time.perf_counter()
        self._steps += 1
        if self._steps == 1:
            self._first_token_at = self._last_token_at
            self.live.enter(State.ANSWERING)
        self.last_token = token
        if token in self.eos_token_ids:
            self.end(FinishReason.EOS)
            return
        self._tokens_out += 1
        self._show(self.stream.push(token))
        if self.stream.stopped_by is not None:
            self.end(FinishReason.STOP_STRING)
        elif self._tokens_out >= self.max_new_tokens:
            self.end(FinishReason.LENGTH)

    def end(self, reason: FinishReason) -> None:
        if self.ended:
            return
        self._show(self.stream.finish())
        if reason is FinishReason.LENGTH and self.stream.stopped_by is not None:
            reason = FinishReason.STOP_STRING
        self._close(reason, None)

    def fail(self, error: NaraniError) -> None:
        """End as failed; the text that had come is kept."""
        if not self.ended:
            self._close(FinishReason.FAILED, error)

    def deliver(self) -> None:
        """Give the model back, then hand the answer over; called when its row is closed."""
        assert self._answer is not None, "an answer is delivered when it has ended"
        try:
            self.on_end()
        finally:
            self.live.finish(self._answer)

    def _show(self, text: str) -> None:
        if not text:
            return
        if self._first_text_at is None:
            self._first_text_at = time.perf_counter()
            if self._turns_before is not None:
                self._own_seconds = self._turns.seconds() - self._turns_before
        self._parts.append(text)
        self._characters += len(text)
        self.live.append(text, self._measures())

    def _close(self, reason: FinishReason, error: NaraniError | None) -> None:
        origin = self.origin
        self._answer = Answer(
            model_id=origin.request.model_id,
            text="".join(self._parts),
            finish_reason=reason,
            settings=origin.request.settings,
            prompt=origin.prompt,
            format_id=origin.format_id,
            revision=origin.revision,
            quantization=origin.quantization,
            measures=self._measures(),
            cause=None if error is None else error.cause,
        )

    def _measures(self) -> Measures:
        seconds = self._last_token_at - self._first_token_at
        first = None if self._first_text_at is None else self._first_text_at - self.live.submitted_at
        return Measures(
            load_seconds=self.origin.load_seconds,
            seconds_to_first_text=first,
            waiting_seconds=self._waiting(first),
            own_seconds_to_first_text=self._own_seconds,
            answering_seconds=seconds if self._steps else None,
            tokens_in=len(self.prompt_ids),
            tokens_out=self._tokens_out,
            tokens_per_second=(self._steps - 1) / seconds if seconds > 0 else None,
            characters_per_second=self._characters / seconds if seconds > 0 else None,
            peak_bytes=self.peak_bytes or None,
            step=self.origin.step.in_short(self.step),
            step_bytes=self.step_bytes or None,
        )

    def _waiting(self, first: float | None) -> float | None:
        if first is None or self._own_seconds is None:
            return None
        return max(0.0, first - self._own_seconds - self.live.loading_seconds)
