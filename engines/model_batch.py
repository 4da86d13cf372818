"""One model as it answers: its questions waiting, the one being read, and the rows that run together.

It decides who joins the batch when, who leaves it, and what becomes of an answer when memory runs out. How a
step is computed is the stepper's; other models, threads and loading it never sees.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import takewhile

import torch

from engines.base import FinishReason, State
from engines.launched_steps import LaunchedSteps
from engines.prompt_reading import PromptReading
from engines.resident_figures import CacheGrowth
from engines.sampling import NO_TOKEN
from engines.sequence import Sequence, TurnClock
from engines.shortage import clear_device_cache, drop_tracebacks, is_shortage
from engines.stepping import CHUNK, DecodeRow, Stepper
from engines.steps.sampling_tables import SamplingTables
from errors import BrokeWhileAnswering, NaraniError, OutOfMemory

_log = logging.getLogger(__name__)
_LEAST_COST = 64
"""Of a prompt, in tokens of a long one: the weights are read for it all the same."""


class ModelBatch:
    """Made once for a model (or an adapter over it) and used by the decode loop's thread alone."""

    def __init__(
        self,
        stepper: Stepper,
        device: torch.device,
        most_rows: int,
        prepare: Callable[[], None],
        grow_cache: Callable[[int], CacheGrowth],
        weight_bytes: int,
    ) -> None:
        self._stepper, self._device, self._most_rows = stepper, device, most_rows
        self._prepare = prepare
        """Makes the shared weights answer for this batch: switches its adapter on, the others off."""
        self._grow_cache = grow_cache
        """Asks the books for so many bytes of cache, all rows together."""
        self._weight_bytes = weight_bytes
        self.kept_bytes = 0
        """What its step keeps between questions; any thread may read it."""
        self._sampling = SamplingTables(device)
        self._launched = LaunchedSteps(stepper, self._sampling)
        self._turns = TurnClock()
        self._waiting: deque[Sequence] = deque()
        self._joining: Sequence | None = None
        """The newcomer for which room is being made at this moment."""
        self._prompts = PromptReading(stepper)
        self._running: dict[DecodeRow, Sequence] = {}

    def add(self, sequence: Sequence) -> None:
        self._waiting.append(sequence)

    @property
    def has_work(self) -> bool:
        return bool(self._waiting or self._prompts or self._running)

    @property
    def is_held_up(self) -> bool:
        """Whether all its questions wait for room that others have to make."""
        return not self._prompts and not self._running

    def drop_network(self) -> None:
        """Drop the network; called when no question is left and none can come."""
        del self._stepper, self._launched, self._prompts, self._prepare

    def advance(self) -> None:
        """A whole turn, for a batch that is driven alone."""
        self.launch()
        self.collect()

    def launch(self) -> None:
        """A turn: drop the stopped, admit, read a chunk of a prompt or several short ones, step once. Where
        tokens can come late, the step is launched and no more."""
        self._attempt(self._take_turn)

    def collect(self) -> None:
        """Hand out the tokens of the step before the one just launched."""
        if len(self._launched) > 1:
            self._attempt(self._collect_one)

    def _attempt(self, act: Callable[[], None]) -> None:
        with self._turns:
            problem = self._problem_of(act)
        if problem is None:
            return
        shortage = is_shortage(problem)
        kind = type(problem).__name__
        drop_tracebacks(problem)
        del problem
        self._recover(shortage, kind)

    def fail_all(self, error: NaraniError) -> None:
        self._launched.forget()
        for sequence in self._everyone():
            sequence.fail(error)
        self._drop_ended()

    def _take_turn(self) -> None:
        self._drop_stopped()
        self._admit()
        if not self.is_held_up:
            self._prepare()
            self._read_prompts()
            self._step()

    def _problem_of(self, act: Callable[[], None]) -> BaseException | None:
        """The error is handed out, not handled here: inside an `except` its frames keep the memory alive."""
        try:
            act()
        except Exception as problem:  # noqa: BLE001 - one model's failure must not end the thread of all
            return problem
        return None

    def _recover(self, shortage: bool, kind: str) -> None:
        """Out of memory costs the newest question only; anything else means the model cannot be trusted."""
        shortage = shortage and self._problem_of(self._settle) is None
        if not shortage:
            self.fail_all(BrokeWhileAnswering("model-broke-answering", kind=kind))
        elif (newest := self._newest()) is not None:
            newest.fail(OutOfMemory("memory-ran-out-answering"))
        self._joining = None
        self._drop_ended()
        clear_device_cache(self._device)
        if shortage and not self.is_held_up:
            self._stepper.trim()
            self._grow_cache(self._stepper.cache_bytes())

    def _newest(self) -> Sequence | None:
        """Who pays for a shortage: the newcomer, wherever it is on its way in, before those that run."""
        if self._joining is not None:
            return self._joining
        if self._prompts:
            return self._prompts.sequences[-1]
        if self._running:
            return self._running[self._stepper.suspect or self._stepper.running[-1]]
        return self._waiting[0] if self._waiting else None

    def _apart(self, sequence: Sequence, act: Callable[[], None]) -> None:
        """Do what is one answer's own (text, reader, lease); a fault there fails that one alone."""
        try:
            act()
        except Exception as problem:  # noqa: BLE001 - the answers beside it have no part in it
            _log.exception("an answer could not go on")
            short = is_shortage(problem)
            own_fault = BrokeWhileAnswering("answer-could-not-go-on", kind=type(problem).__name__)
            sequence.fail(OutOfMemory("memory-ran-out-answering") if short else own_fault)

    def _say_reading(self, sequence: Sequence, progress: float) -> None:
        self._apart(sequence, lambda: sequence.live.enter(State.READING, progress=progress))
        if sequence.ended:
            self._drop_ended()

    def _everyone(self) -> list[Sequence]:
        return [*self._joined(), *self._waiting]

    def _joined(self) -> list[Sequence]:
        return [*self._running.values(), *self._prompts.sequences]

    def _drop_stopped(self) -> None:
        stopped = [sequence for sequence in self._everyone() if sequence.live.stop_asked]
        for sequence in stopped:
            self._apart(sequence, partial(sequence.end, FinishReason.STOPPED))
        if stopped:
            self._drop_ended()

    def _drop_ended(self) -> None:
        """Rows first, then the room, then the word to whoever waits: after it the model may go at once."""
        while self._launched and any(sequence.ended for sequence in self._running.values()):
            self._give(*self._launched.collect())
        ended = [sequence for sequence in self._everyone() if sequence.ended]
        for row in [row for row, sequence in self._running.items() if sequence.ended]:
            self._stepper.close(row)
            del self._running[row]
        self._prompts.drop_ended()
        self._waiting = deque(sequence for sequence in self._waiting if not sequence.ended)
        if ended and self.is_held_up:
            self._grow_cache(0)
        for sequence in ended:
            self._apart(sequence, sequence.deliver)

    def _admit(self) -> None:
        """Let them join who may be read now."""
        while self._waiting and self._prompts.takes(self._waiting[0]) and self._may_join(self._waiting[0]):
            if not self._admit_next():
                return

    def _admit_next(self) -> bool:
        sequence = self._joining = self._waiting[0]
        for next_limits in ([waiting.limit for waiting in self._joining_next()], []):
            growth = self._grow_cache(self._stepper.bytes_to_open(sequence.limit, next_limits))
            if growth is CacheGrowth.GRANTED:
                break
        if growth is CacheGrowth.NEVER and self.is_held_up:
            sequence.fail(OutOfMemory("memory-ran-out-answering"))
            self._drop_ended()
        if growth is not CacheGrowth.GRANTED:
            self._joining = None
            return False
        row = self._stepper.open(sequence.limit, next_limits)
        self._joining = None
        self._waiting.popleft()
        self._prompts.add(row, sequence)
        sequence.begin_reading(self._turns)
        self._say_reading(sequence, 0.0)
        return True

    def _may_join(self, sequence: Sequence) -> bool:
        """A reproducible question answers alone: nobody joins it, and it joins nobody."""
        joined = self._joined()
        alone = any(each.origin.request.reproducible for each in [*joined, sequence])
        return not joined or (not alone and len(joined) < self._most_rows)

    def _joining_next(self) -> list[Sequence]:
        """Who may join in the turns after the newcomer: a cache that grew for each of them alone would be
        copied as often."""
        together = list(takewhile(lambda waiting: not waiting.origin.request.reproducible, self._waiting))
        return together[1 : self._most_rows - len(self._joined())]

    def _read_prompts(self) -> None:
        """As much as may hold the running answers up: a step after each short prompt would have few rows."""
        left = CHUNK
        while self._prompts:
            cost = max(_LEAST_COST, self._prompts.next_tokens)
            if cost > left < CHUNK:
                return
            left -= cost
            self._read()
            self._admit()

    def _read(self) -> None:
        logits = self._prompts.read()
        if logits is None:
            self._say_reading(self._prompts.sequences[0], self._prompts.progress)
            return
        self._settle()
        tokens = self._chosen(self._prompts.sequences, logits)  # before they run: none runs without a token
        started = self._prompts.start()
        self._running.update(started)
        self._hand_out(list(started), tokens, logits.dtype)

    def _step(self) -> None:
        if not self._launched.may_launch(self._running):
            self._settle()
        if not self._running:
            return
        if self._launched.may_launch(self._running):
            self._launched.launch(self._running)
            self.kept_bytes = self._stepper.kept_bytes()
            return
        rows = list(self._stepper.running)
        logits = self._stepper.step([self._running[row].last_token for row in rows])
        self.kept_bytes = self._stepper.kept_bytes()
        tokens = self._chosen([self._running[row] for row in rows], logits)
        self._hand_out(rows, tokens, logits.dtype)

    def _settle(self) -> None:
        """Collect all tokens: whatever changes the rows of a step comes after it."""
        while self._launched:
            self._collect_one()

    def _collect_one(self) -> None:
        self._hand_out(*self._launched.collect())

    def _chosen(self, sequences: list[Sequence], logits: torch.Tensor) -> list[int]:
        return self._sampling.choose(logits, [sequence.sampler for sequence in sequences])

    def _hand_out(self, rows: list[DecodeRow], tokens: list[int], dtype: torch.dtype) -> None:
        self._give(rows, tokens, dtype)
        if any(sequence.ended for sequence in self._running.values()):
            self._drop_ended()

    def _give(self, rows: list[DecodeRow], tokens: list[int], dtype: torch.dtype) -> None:
        """A row that has ended since its step was launched gets no more."""
        peak = self._weight_bytes + self._stepper.cache_bytes() + self.kept_bytes
        for row, token in zip(rows, tokens, strict=True):
            sequence = self._running[row]
            if sequence.ended:
                continue
            sequence.stepped(self._stepper.name, peak, self.kept_bytes)
            if token == NO_TOKEN:
                self._stepper.wipe(row)
                code = "no-numbers-float16" if dtype is torch.float16 else "no-numbers"
                sequence.fail(BrokeWhileAnswering(code))
            else:
                sequence.sampler.took(token)
                self._apart(sequence, partial(sequence.take, token))
