"""An engine that plays scripts: the same states, texts and faults as a real one, with no model and no GPU.

It drives tests, screenshots and soak runs, and says so by calling its format "scripted". It knows no torch,
no tokenizer and no prompt format: a piece of the script counts as a token.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import cycle, islice

from engines.base import (
    LIKELIHOODS,
    SCORES,
    Answer,
    AnswerRequest,
    FinishReason,
    LiveAnswer,
    Measures,
    State,
)
from engines.lazy import HandLoads
from engines.memory import LiveLoad
from engines.resident_figures import Lease, ResidentFigures, ResidentKey
from engines.text_stream import StopCutter
from errors import AS_WRITTEN, EngineDown, NaraniError, Stopped, UnknownName
from tests.engines.script import Reply, Script, echo, pause
from tests.engines.scripted_memory import ScriptedMemory

__all__ = ["Reply", "Script", "ScriptedEngine", "echo"]

_PLENTY = 80 * 10**9
_ECHO = Script()


class ScriptedEngine(ScriptedMemory):
    """Plays `scripts` by model id; any other model plays `default`, or does not exist where that is None."""

    def __init__(
        self,
        scripts: Mapping[str, Script] | None = None,
        default: Script | None = _ECHO,
        budget: int = _PLENTY,
    ) -> None:
        super().__init__(dict(scripts or {}), default, budget)
        self._lock = threading.Lock()
        self._playing: dict[threading.Thread, LiveAnswer | LiveLoad] = {}
        self._by_hand = HandLoads(self.bring)
        self._closed = False

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        try:
            script = self.script_of(request.model_id)
        except UnknownName as error:
            live.fail(error, request.settings)
            return
        if not self._start(lambda: self._play(script, request, live), live):
            live.fail(
                EngineDown(AS_WRITTEN, sentence="The engine is closed and takes no more questions."),
                request.settings,
            )

    def load(self, model_id: str, quantization: str) -> LiveLoad:
        return self._by_hand.begin(model_id, quantization)

    def loads_by_hand(self) -> tuple[LiveLoad, ...]:
        return self._by_hand.all()

    def bring(self, live: LiveLoad) -> None:
        if not self._start(lambda: self._bring(live), live):
            live.finish(Stopped(AS_WRITTEN, sentence="The engine is closed and loads nothing more."))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            playing = dict(self._playing)
        for live in playing.values():
            live.ask_to_stop()
        for thread in playing:
            thread.join()

    def _start(self, work: Callable[[], None], live: LiveAnswer | LiveLoad) -> bool:
        """In a thread of its own; False once closed."""

        def run() -> None:
            try:
                work()
            finally:
                with self._lock:
                    del self._playing[threading.current_thread()]

        thread = threading.Thread(target=run, name=f"scripted-{live.model_id}")
        with self._lock:
            if self._closed:
                return False
            self._playing[thread] = live
            thread.start()
            return True

    def _bring(self, live: LiveLoad) -> None:
        try:
            lease, _ = self.lease(ResidentKey(live.model_id, live.quantization), live)
        except NaraniError as error:
            live.finish(error)
            return
        if lease is not None:
            lease.release()
        live.finish(None if lease else Stopped(AS_WRITTEN, sentence="Stopped before the model was there."))

    def _play(self, script: Script, request: AnswerRequest, live: LiveAnswer) -> None:
        key = ResidentKey(request.model_id, request.quantization or "none")
        performance = _Performance(script, request, live)
        try:
            performance.lease, performance.load_seconds = self.lease(key, live)
            if performance.lease is not None:
                self.fill_cache(performance.lease, live)
            performance.give()
        except NaraniError as error:
            performance.fail(error)
        finally:
            performance.fail(NaraniError(AS_WRITTEN, sentence="The script of this model is broken."))


class _Performance:
    """One answer being played."""

    def __init__(self, script: Script, request: AnswerRequest, live: LiveAnswer) -> None:
        self.script, self.request, self.live = script, request, live
        self.lease: Lease[ResidentFigures] | None = None
        self.load_seconds: float | None = None
        turns = request.conversation.turns
        self._prompt = "\n".join(f"{turn.question} {turn.input}".rstrip() for turn in turns)
        self._tokens = 0
        self._shown: list[str] = []
        self._characters = 0
        self._first_piece_at: float | None = None
        self._last_piece_at = 0.0
        self._began_at = 0.0
        self._first_text_at: float | None = None

    def give(self) -> None:
        """Say the pieces until they end, a stop string, the length, the person or the script ends them."""
        self._began_at = time.perf_counter()
        self.live.enter(State.READING)
        if self.request.choices:
            self._choose()
            return
        settings = self.request.settings
        cutter = StopCutter(settings.stop_strings)
        for piece in islice(self._pieces(), settings.max_new_tokens):
            if not pause(self.script.seconds_per_piece, self.live):
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
        self._release()
        self.live.finish(replace(self._answer(), finish_reason=reason))

    def _choose(self) -> None:
        choices, stopped = self.request.choices, not pause(self.script.seconds_per_piece, self.live)
        if self.script.failure is not None and not stopped:
            raise self.script.failure
        self._release()
        if stopped:
            self.live.finish(replace(self._answer(), finish_reason=FinishReason.STOPPED))
            return
        if self.script.scores is not None:
            scores = {choice: self.script.scores(choice) for choice in choices}
            best = max(choices, key=scores.__getitem__)
            self.live.finish(replace(self._answer(), text=best, extras={SCORES: scores}))
            return
        said = self.script.likelihoods
        found = dict.fromkeys(choices, 0.0) if said is None else dict(said(self.request))
        best = max(choices, key=lambda choice: found.get(choice, -math.inf))
        self.live.finish(replace(self._answer(), text=best, extras={LIKELIHOODS: found}))

    def fail(self, error: NaraniError) -> None:
        """End as failed; changes nothing where the answer has ended."""
        self._release()
        known = self._answer()
        self.live.fail(
            error,
            known.settings,
            prompt=known.prompt,
            format_id=known.format_id,
            quantization=known.quantization,
            measures=known.measures,
        )

    def _release(self) -> None:
        """Before the answer ends, as with a real model: after it the model may go at once."""
        if self.lease is not None:
            self.lease.release()

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
            waiting_seconds=self._waited(),
            own_seconds_to_first_text=None
            if self._first_text_at is None
            else self._first_text_at - self._began_at,
            answering_seconds=seconds,
            tokens_in=len(self._prompt.split()),
            tokens_out=self._tokens,
            tokens_per_second=(self._tokens - 1) / seconds if seconds else None,
            characters_per_second=self._characters / seconds if seconds else None,
        )

    def _waited(self) -> float | None:
        if self._first_text_at is None:
            return None
        return max(0.0, self._began_at - self.live.submitted_at - self.live.loading_seconds)

    def _answer(self) -> Answer:
        return Answer(
            model_id=self.request.model_id,
            text="".join(self._shown),
            finish_reason=FinishReason.EOS,
            settings=self.request.settings,
            prompt=self._prompt,
            format_id=self.request.format_id or "scripted",
            quantization=self.request.quantization or "none",
            measures=self._measures(),
        )
