"""One model's batch, turn by turn: what goes wrong with one answer is that answer's own end.

Run: python -m pytest tests/engines/test_model_batch.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, LiveAnswer
from engines.families import stepper_for
from engines.model_batch import ModelBatch
from engines.resident_figures import CacheGrowth
from engines.sampling import SeededNumbers, TokenSampler
from engines.sequence import AnswerOrigin, Sequence
from engines.steps.step import StepName
from engines.text_stream import TextStream
from errors import BrokeWhileAnswering, OutOfMemory
from prompts.conversation import Conversation
from tests.engines.load_watch import RecordingWatch
from tests.engines.running_engine import make_models
from tests.engines.tiny_models import Kind

CPU = torch.device("cpu")
KINDS: dict[str, Kind] = {"neox": "gpt_neox", "llama": "llama", "rwkv": "rwkv"}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from engines.loading import load_model

    specs = make_models(tmp_path_factory.mktemp("models"), KINDS)
    return {id: load_model(spec, "none", CPU, RecordingWatch()) for id, spec in specs.items()}


class Table:
    """A batch driven by hand over a real network, and the questions put to it."""

    def __init__(self, loaded: Any, step: StepName = "eager") -> None:
        self.loaded = loaded
        self.booked, self.budget = 0, 10**12
        self.bookings: list[int] = []
        self.stepper = stepper_for(loaded.model, CPU, step)
        self.batch = ModelBatch(self.stepper, CPU, 8, lambda: None, self._book, 1000)

    def _book(self, wanted: int) -> CacheGrowth:
        if wanted > self.budget:
            return CacheGrowth.LATER if self.booked else CacheGrowth.NEVER
        self.booked = wanted
        self.bookings.append(wanted)
        return CacheGrowth.GRANTED

    def ask(self, question: str, most: int = 12, reproducible: bool = False, **settings: Any) -> Sequence:
        wanted = GenerationSettings(max_new_tokens=most, **settings)
        request = AnswerRequest("m", Conversation.ask(question), wanted, reproducible=reproducible)
        ids = self.loaded.tokenizer(question).input_ids
        sequence = Sequence(
            origin=AnswerOrigin(request, question, "plain", None, "none", None),
            live=LiveAnswer("m"),
            prompt_ids=ids,
            eos_token_ids=frozenset({511}),
            max_new_tokens=most,
            sampler=TokenSampler(wanted, SeededNumbers(0, "m", question), ids),
            stream=TextStream(self.loaded.tokenizer.backend_tokenizer, wanted.stop_strings),
            on_end=lambda: None,
        )
        self.batch.add(sequence)
        return sequence

    def advance(self, turns: int = 1) -> None:
        with torch.inference_mode():
            for _ in range(turns):
                self.batch.advance()

    def finish(self) -> None:
        for _ in range(500):
            if not self.batch.has_work:
                return
            self.advance()
        raise AssertionError("the batch never ends")


def answer_of(sequence: Sequence) -> Answer:
    answer = sequence.live.view().answer
    assert answer is not None, "the answer was not delivered"
    return answer


def alone(loaded: Any, question: str, most: int = 12) -> str:
    table = Table(loaded)
    asked = table.ask(question, most)
    table.finish()
    return answer_of(asked).text


def alone_bytes(loaded: Any) -> int:
    """Of the cache of one short question."""
    return stepper_for(loaded.model, CPU).bytes_to_open(40)


@pytest.fixture(scope="module")
def whole(networks: dict[str, Any]) -> dict[tuple[str, int], str]:
    """What each network says to each question, asked alone."""
    return {(id, n): alone(loaded, f"질문 {n}") for id, loaded in networks.items() for n in range(3)}


def raising(*args: Any, **kwargs: Any) -> Any:
    raise ValueError("in one answer's own part")


def break_text(sequence: Sequence) -> None:
    sequence.stream.push = raising  # type: ignore[method-assign]


def break_end(sequence: Sequence) -> None:
    sequence.stream.finish = raising  # type: ignore[method-assign]


def break_live(sequence: Sequence) -> None:
    sequence.live.append = raising  # type: ignore[method-assign]


def break_state(sequence: Sequence) -> None:
    sequence.live.enter = raising  # type: ignore[method-assign]


def break_lease(sequence: Sequence) -> None:
    sequence.on_end = raising


@pytest.mark.parametrize("end", ["length", "stopped"])
@pytest.mark.parametrize("harm", [break_text, break_end, break_live, break_state, break_lease])
@pytest.mark.parametrize("at", range(3))
def test_a_fault_in_one_answer_s_own_part_ends_that_answer_alone(
    networks: dict[str, Any],
    whole: dict[tuple[str, int], str],
    harm: Callable[[Sequence], None],
    at: int,
    end: str,
) -> None:
    table = Table(networks["llama"])
    lives = [table.ask(f"질문 {n}", 12) for n in range(3)]
    if harm is break_state:
        harm(lives[at])
    table.advance(5)
    harm(lives[at])
    if end == "stopped":
        lives[at].live.ask_to_stop()
    table.finish()
    for n, sequence in enumerate(lives):
        if n == at:
            assert whole["llama", n].startswith(answer_of(sequence).text)
        else:
            assert answer_of(sequence).text == whole["llama", n]
            assert answer_of(sequence).finish_reason is FinishReason.LENGTH
    if harm in (break_text, break_live) and end == "length":
        failed = answer_of(lives[at])
        assert failed.error_code == BrokeWhileAnswering.category and failed.text
        assert "own part" not in (failed.error or "")
    assert table.stepper.cache_bytes() == 0 and table.booked == 0


class Shortage(TorchDispatchMode):
    """Memory runs out when `left` operations on tensors are done, and stays short while `lasts` says so."""

    def __init__(self) -> None:
        super().__init__()
        self.left: int | None = None
        self.lasts: Callable[[], bool] = lambda: False
        self.raised = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.left is not None:
            self.left -= 1
            if self.left < 0 and (not self.raised or self.lasts()):
                self.raised += 1
                if not self.lasts():
                    self.left = None
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "until it has gone"])
@pytest.mark.parametrize("kind", ["llama", "rwkv"])
def test_whatever_a_newcomer_finds_no_memory_for_the_running_answers_go_on(
    networks: dict[str, Any], whole: dict[tuple[str, int], str], kind: str, lasting: bool
) -> None:
    """From taking the newcomer in to its first token: at each of the first operations, then ever fewer."""
    at = 0
    while newcomer_short_at(networks[kind], whole, kind, at, lasting):
        at += 1 + at // 8
    assert at > 100, "memory ran out nowhere"


def newcomer_short_at(
    loaded: Any, whole: dict[tuple[str, int], str], kind: str, at: int, lasting: bool
) -> bool:
    """Whether memory ran out at all: it does not where the newcomer is read in fewer operations."""
    table, short = Table(loaded), Shortage()
    running = [table.ask(f"질문 {n}") for n in range(2)]
    with short:
        table.advance(4)
        held, booked = table.stepper.cache_bytes(), table.booked
        newcomer = table.ask("새 질문 " * 4, most=250)
        short.left = at
        if lasting:
            short.lasts = lambda: not newcomer.ended
        step = table.stepper.step

        def stepped(tokens: list[int]) -> torch.Tensor:
            short.left = None
            return step(tokens)

        table.stepper.step = stepped  # type: ignore[method-assign]
        table.advance(2)
    if not short.raised:
        return False
    assert answer_of(newcomer).error_code == OutOfMemory.category
    assert not any(sequence.ended for sequence in running)
    if kind == "llama":
        assert table.stepper.cache_bytes() == held, "the failed answer's part of the cache is still held"
        assert table.booked == booked
    table.finish()
    assert [answer_of(sequence).text for sequence in running] == [whole[kind, n] for n in range(2)]
    assert table.stepper.cache_bytes() == 0 == table.booked
    return True


def test_room_for_all_that_wait_is_booked_and_made_at_once(networks: dict[str, Any]) -> None:
    table = Table(networks["llama"])
    asked = [table.ask(f"질문 {n}", 8 + n) for n in range(10)]
    table.advance()
    assert len(table.stepper.running) == 8
    assert table.stepper.cache_bytes() == 8 * alone_bytes(networks["llama"])
    assert set(table.bookings) == {table.stepper.cache_bytes()}
    table.finish()
    assert all(answer_of(sequence).finish_reason is FinishReason.LENGTH for sequence in asked)
    assert table.stepper.cache_bytes() == 0 == table.booked


def test_where_the_books_have_no_room_for_all_that_wait_they_join_one_by_one(
    networks: dict[str, Any], whole: dict[tuple[str, int], str]
) -> None:
    table = Table(networks["llama"])
    table.budget = 2 * alone_bytes(networks["llama"])
    asked = [table.ask(f"질문 {n}") for n in range(3)]
    table.advance()
    assert table.stepper.cache_bytes() == table.booked == table.budget
    assert len(table.stepper.running) == 2
    table.finish()
    assert [answer_of(sequence).text for sequence in asked] == [whole["llama", n] for n in range(3)]


@pytest.mark.parametrize("kind", ["llama", "rwkv"])
def test_a_turn_reads_several_short_prompts_and_no_more_tokens_than_a_chunk(
    networks: dict[str, Any], kind: str
) -> None:
    table, turns = Table(networks[kind]), list[list[int]]()
    plain = table.stepper.read

    def noted(row: Any, ids: list[int]) -> torch.Tensor:
        if len(ids) > 1:  # what goes row by row is stepped so
            turns[-1].append(len(ids))
        return plain(row, ids)

    table.stepper.read = noted  # type: ignore[method-assign]
    for length in (20, 40, 700, 100, 130, 3, 3, 3):
        table.ask("질문", most=40).prompt_ids[:] = [7] * length
    for _ in range(4):
        turns.append([])
        table.advance()
    assert turns == [[20, 40], [512], [188, 100, 130, 3], [3, 3]]
