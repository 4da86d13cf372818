"""An engine that plays scripts: the same states, texts and faults as a real one, with no model and no GPU.

Knows: what each model id is to say, how fast, and how it is to fail; stop, stop strings and lengths as real.
Refuses to know: torch, tokenizers and prompt formats (a piece counts as a token). Drives tests, screenshots
and soak runs; it is honest about it by calling its format "scripted".
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice

from engines.base import Answer, AnswerRequest, FinishReason, LiveAnswer, Measures, State
from engines.text_stream import StopCutter
from errors import NaraniError, OutOfMemory, Stopped, UnknownName

_SLICE = 0.01
"""The longest sleep between two looks at the stop flag."""

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

    @classmethod
    def out_of_memory(cls, pieces_before_failure: int = 2) -> Script:
        error = OutOfMemory("The device ran out of memory while answering. Ask for fewer tokens.")
        return cls(failure=error, pieces_before_failure=pieces_before_failure)

    @classmethod
    def only_newlines(cls) -> Script:
        return cls(pieces=("\n",), repeats=True)


class ScriptedEngine:
    """Plays `scripts` by model id; any other model plays `default`, or does not exist where that is None."""

    def __init__(
        self, scripts: Mapping[str, Script] | None = None, default: Script | None = Script()
    ) -> None:
        self._scripts = dict(scripts or {})
        self._default = default
        self._lock = threading.Lock()
        self._loaded: set[str] = set()
        self._loading: dict[str, threading.Lock] = {}
        self._playing: dict[threading.Thread, LiveAnswer] = {}
        self._closed = False
        self.loads: list[str] = []
        """The model ids in the order they were loaded."""

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        script = self._scripts.get(request.model_id, self._default)
        if script is None:
            live.fail(UnknownName("model", request.model_id, self._scripts), request.settings)
            return
        name = f"scripted-{request.model_id}"
        thread = threading.Thread(target=self._play, args=(script, request, live), name=name)
        with self._lock:
            if not self._closed:
                self._playing[thread] = live
                thread.start()
                return
        live.fail(Stopped("The engine is closed and takes no more questions."), request.settings)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            playing = dict(self._playing)
        for live in playing.values():
            live.ask_to_stop()
        for thread in playing:
            thread.join()

    def _play(self, script: Script, request: AnswerRequest, live: LiveAnswer) -> None:
        performance = _Performance(script, request, live)
        try:
            performance.load_seconds = self._load(script, request.model_id, live)
            performance.give()
        except NaraniError as error:
            performance.fail(error)
        finally:
            performance.fail(NaraniError("The script of this model is broken."))
            with self._lock:
                del self._playing[threading.current_thread()]

    def _load(self, script: Script, model_id: str, live: LiveAnswer) -> float | None:
        """Load once, however many ask at the same time; None where it was there already."""
        with self._lock:
            gate = self._loading.setdefault(model_id, threading.Lock())
        while not gate.acquire(timeout=_SLICE):
            if live.stop_asked:
                return None
        try:
            if model_id in self._loaded:
                return None
            began = time.perf_counter()
            for step in range(script.loading_steps):
                live.enter(State.LOADING, "loading", step / script.loading_steps)
                if not _pause(script.seconds_per_loading_step, live):
                    return None
            if script.loading_failure is not None:
                raise script.loading_failure
            self._loaded.add(model_id)
            self.loads.append(model_id)
            return time.perf_counter() - began
        finally:
            gate.release()


class _Performance:
    """One answer being played."""

    def __init__(self, script: Script, request: AnswerRequest, live: LiveAnswer) -> None:
        self.script, self.request, self.live = script, request, live
        self.load_seconds: float | None = None
        turns = request.conversation.turns
        self._prompt = "\n".join(f"{turn.question} {turn.input}".rstrip() for turn in turns)
        self._tokens = 0
        self._shown: list[str] = []
        self._characters = 0
        self._first_piece_at: float | None = None
        self._last_piece_at = 0.0
        self._first_text_at: float | None = None

    def give(self) -> None:
        """Say the pieces until they end, a stop string, the length, the person or the script ends them."""
        self.live.enter(State.READING)
        settings = self.request.settings
        cutter = StopCutter(settings.stop_strings)
        for piece in islice(self._pieces(), settings.max_new_tokens):
            if not _pause(self.script.seconds_per_piece, self.live):
                reason = FinishReason.STOPPED
                break
            self._tokens += 1
            self._show(cutter.push(piece))
            if cutter.stopped_by is not None:
                reason = FinishReason.STOP_STRING
                break
        else:
            whole = self._tokens < settings.max_new_tokens
            reason = FinishReason.EOS if whole else FinishReason.LENGTH
        if rest := cutter.finish():
            self._show(rest)
        self.live.finish(replace(self._answer(), finish_reason=reason))

    def fail(self, error: NaraniError) -> None:
        """End as failed; changes nothing where the answer has ended."""
        known = self._answer()
        self.live.fail(
            error,
            known.settings,
            prompt=known.prompt,
            format_id=known.format_id,
            quantisation=known.quantisation,
            measures=known.measures,
        )

    def _pieces(self) -> Iterator[str]:
        script = self.script
        said = script.pieces(self.request) if callable(script.pieces) else script.pieces
        pieces = iter(cycle(said) if script.repeats else said)
        if script.failure is None:
            yield from pieces
            return
        yield from islice(pieces, script.pieces_before_failure)
        raise script.failure

    def _show(self, text: str) -> None:
        self._last_piece_at = time.perf_counter()
        if self._first_piece_at is None:
            self._first_piece_at = self._last_piece_at
            self.live.enter(State.ANSWERING)
        if self._first_text_at is None and text:
            self._first_text_at = self._last_piece_at
        self._shown.append(text)
        self._characters += len(text)
        self.live.append(text, self._measures())

    def _measures(self) -> Measures:
        first, submitted = self._first_piece_at, self.live.submitted_at
        seconds = None if first is None else self._last_piece_at - first
        return Measures(
            load_seconds=self.load_seconds,
            seconds_to_first_text=None if self._first_text_at is None else self._first_text_at - submitted,
            answering_seconds=seconds,
            tokens_in=len(self._prompt.split()),
            tokens_out=self._tokens,
            tokens_per_second=(self._tokens - 1) / seconds if seconds else None,
            characters_per_second=self._characters / seconds if seconds else None,
        )

    def _answer(self) -> Answer:
        return Answer(
            model_id=self.request.model_id,
            text="".join(self._shown),
            finish_reason=FinishReason.EOS,
            settings=self.request.settings,
            prompt=self._prompt,
            format_id=self.request.format_id or "scripted",
            quantisation=self.request.quantisation or "none",
            measures=self._measures(),
        )


def _pause(seconds: float, live: LiveAnswer) -> bool:
    """Sleep in slices; whether nobody asked to stop meanwhile."""
    until = time.perf_counter() + seconds
    while not live.stop_asked:
        left = until - time.perf_counter()
        if left <= 0:
            return True
        time.sleep(min(left, _SLICE))
    return False
