"""What is asked of an engine and what comes back: the interface of this room that all others use.

A request with its settings goes in; a live answer is written while it grows, and a finished answer comes out.
Nothing here imports torch, or depends on how an engine makes text.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Protocol

from engines.stopping import Stoppable
from errors import BadRequest, Cause, NaraniError
from prompts.conversation import Conversation

LIKELIHOODS, SCORES = "likelihoods", "scores"
"""In an answer's extras: the natural logarithm of each choice's likelihood, or a reward model's scores."""
_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0.0, 5.0),
    "top_p": (0.0, 1.0),
    "top_k": (0, 1_000_000),
    "repetition_penalty": (0.1, 10.0),
    "max_new_tokens": (1, 131_072),
    "seed": (0, 2**63 - 1),
}


@dataclass(frozen=True)
class GenerationSettings:
    """How an answer is drawn; refused here when out of range, so that no engine has to check again."""

    temperature: float = 0.0
    """0 is greedy: always the likeliest token."""
    top_p: float = 1.0
    top_k: int = 0
    """0: no limit."""
    repetition_penalty: float = 1.0
    max_new_tokens: int = 512
    seed: int = 0
    stop_strings: tuple[str, ...] = ()
    """They are added to those of the model's format."""

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise BadRequest("setting-out-of-range", name=name, low=low, high=high, value=value)
        if self.top_p == 0.0:
            raise BadRequest("top-p-not-above-zero", name="top_p")
        if any(not stop for stop in self.stop_strings):
            raise BadRequest("stop-string-empty", name="stop_strings")


@dataclass(frozen=True)
class AnswerRequest:
    """One question to one model."""

    model_id: str
    conversation: Conversation
    settings: GenerationSettings = GenerationSettings()
    format_id: str | None = None
    """Ask in another format than the model's own (to show what a wrong one costs)."""
    quantization: str | None = None
    """Where it is None, the default of the model's entry is taken."""
    thinking: bool | None = None
    """For chat formats that can switch it; None: the template's own default."""
    reproducible: bool = False
    """Answer alone on its model, so that last-bit rounding cannot differ."""
    extras: Mapping[str, object] = field(default_factory=dict, hash=False)
    """What another room made the question of, as plain JSON values under its name; no engine reads it."""
    choices: tuple[str, ...] = ()
    """Where some are named no text is drawn: the answer is the likeliest of them, its extras name all. A
    reward model scores each as a whole answer."""
    cut: bool = False
    """The choices are answers that broke off, so no end token follows them where they are scored."""

    def __post_init__(self) -> None:
        if not all(self.choices):
            raise BadRequest("choice-empty", name="choices")


class FinishReason(StrEnum):
    EOS = "eos"
    STOP_STRING = "stop_string"
    LENGTH = "length"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def state(self) -> State:
        """The state of an answer that ended so."""
        return State(self) if self in (FinishReason.STOPPED, FinishReason.FAILED) else State.DONE


class State(StrEnum):
    WAITING = "waiting"
    LOADING = "loading"
    READING = "reading"
    ANSWERING = "answering"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


ENDED = frozenset({State.DONE, State.STOPPED, State.FAILED})


@dataclass(frozen=True)
class Measures:
    """Measured, or None, as in older answers a new one is; columns of database and files are made from it."""

    tokens_in: int | None = None
    tokens_out: int = 0
    load_seconds: float | None = None
    seconds_to_first_text: float | None = None
    """It counts from the question's submission, so loading and waiting are included."""
    answering_seconds: float | None = None
    """It counts from the first token after the prompt was read to the last one."""
    tokens_per_second: float | None = None
    characters_per_second: float | None = None
    peak_bytes: int | None = None
    step: str | None = None
    step_bytes: int | None = None
    """How its tokens were computed (engines.memory.StepChoice.in_short), and what that kept for all rows."""
    waiting_seconds: float | None = None
    own_seconds_to_first_text: float | None = None
    """Of the seconds to the first text what went to others, and its model's turns; the rest was its load."""


MEASURES: Mapping[str, type[int | float | str]] = {
    each.name: {"i": int, "f": float, "s": str}[str(each.type)[0]] for each in fields(Measures)
}
"""The names of an answer's figures, in the order of every table, and of what type each is."""


@dataclass(frozen=True)
class Answer:
    """What one model said, and everything needed to ask it the same again."""

    model_id: str
    text: str
    finish_reason: FinishReason
    settings: GenerationSettings
    prompt: str = ""
    format_id: str = ""
    revision: str | None = None
    quantization: str = "none"
    measures: Measures = Measures()
    cause: Cause | None = None
    """Why it failed; None where it did not."""
    extras: Mapping[str, object] = field(default_factory=dict)
    """What other rooms add, as plain JSON values under the name of the room."""

    @property
    def error(self) -> str | None:
        """The English sentence, as files and the history hold it."""
        return None if self.cause is None else str(self.cause)

    @property
    def error_code(self) -> str | None:
        """The category that files and the history hold."""
        return None if self.cause is None else self.cause.category


@dataclass(frozen=True)
class LiveView:
    """A consistent picture of a live answer at one moment, for drawing."""

    model_id: str
    state: State
    text: str
    progress: float | None
    """How far loading is, from 0 to 1; None where it is not known."""
    note: str
    """What it is waiting for or doing, in a few words."""
    measures: Measures
    answer: Answer | None
    """There once it has ended."""
    not_kept: str | None = None
    """Why the answer could not be stored; it is then only here, in memory."""


@dataclass
class LiveAnswer(Stoppable):
    """One answer as it grows: text, state and figures; an engine writes it, any thread may read it."""

    model_id: str
    keep: Callable[[Answer], Future[Answer]] | None = None
    """Called once with the finished answer, and must only enqueue: the engine's thread waits for no disk.
    The answer counts as ended when the future is done, which gives it as it was stored."""
    thinking_style: str = ""
    """How its prompt begins thinking (prompts.thinking); an engine says so before the first text."""
    _parts: list[str] = field(default_factory=list, repr=False)
    _state: State = State.WAITING
    _progress: float | None = None
    _note: str = ""
    _measures: Measures = Measures()
    _answer: Answer | None = None
    _not_kept: str | None = None
    _finishing: bool = False
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)
    submitted_at: float = field(default_factory=time.perf_counter)
    loading_seconds: float = 0.0
    _entered_at: float = 0.0

    def enter(self, state: State, note: str = "", progress: float | None = None) -> None:
        """Move to a state that is not an end; ignored once ended."""
        with self._lock:
            if not self._finishing:
                now = time.perf_counter()
                self.loading_seconds += now - self._entered_at if self._state is State.LOADING else 0.0
                self._state, self._note, self._progress, self._entered_at = state, note, progress, now

    def append(self, text: str, measures: Measures | None = None) -> None:
        with self._lock:
            if self._finishing:
                return
            self._parts.append(text)
            if measures is not None:
                self._measures = measures

    def finish(self, answer: Answer) -> None:
        """Hand the answer to `keep`, and mark it ended once it is stored; a second call changes nothing."""
        with self._lock:
            if self._finishing:
                return
            self._finishing = True
        if self.keep is None:
            self._mark_ended(answer)
            return
        try:
            stored = self.keep(answer)
        except Exception as problem:  # noqa: BLE001 - an engine's thread outlives whatever keeps its answers
            self._mark_ended(answer, problem)
        else:
            stored.add_done_callback(lambda done: self._mark_stored(answer, done))

    def fail(self, error: NaraniError, settings: GenerationSettings, **known: object) -> None:
        """End as failed, keeping the text that had come."""
        fields = {"text": self.view().text, "measures": self.view().measures, **known}
        answer = Answer(
            model_id=self.model_id,
            finish_reason=FinishReason.FAILED,
            settings=settings,
            cause=error.cause,
            **fields,  # type: ignore[arg-type]
        )
        self.finish(answer)

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it ended within `timeout` seconds."""
        return self._ended.wait(timeout)

    def view(self) -> LiveView:
        with self._lock:
            text = "".join(self._parts)
            if len(self._parts) > 1:
                self._parts = [text]
            now = (self._progress, self._note, self._measures, self._answer, self._not_kept)
            return LiveView(self.model_id, self._state, text, *now)

    def _mark_stored(self, answer: Answer, stored: Future[Answer]) -> None:
        problem = stored.exception()
        self._mark_ended(answer if problem else stored.result(), problem)

    def _mark_ended(self, answer: Answer, problem: BaseException | None = None) -> None:
        with self._lock:
            self._answer = answer
            self._not_kept = None if problem is None else _reason(problem)
            self._parts = [answer.text]
            self._measures = answer.measures
            self._state = answer.finish_reason.state
            self._note, self._progress = "", None
        self._ended.set()


def _reason(problem: BaseException) -> str:
    """A sentence of ours as it is; of others only what holds no path."""
    if isinstance(problem, NaraniError):
        return str(problem)
    return getattr(problem, "strerror", None) or type(problem).__name__


class Engine(Protocol):
    """Makes text. Local models and remote services are engines."""

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        """Take the question and return at once; whatever happens later is written into `live`."""

    def close(self) -> None:
        """Stop what runs and free what is held."""
