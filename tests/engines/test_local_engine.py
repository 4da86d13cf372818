"""The local engine on real tiny models: same answers whatever runs beside, stops at once, fails alone.

Run: python -m pytest tests/engines/test_local_engine.py
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch

from engines.base import Answer, FinishReason, LiveAnswer, State
from prompts.conversation import Conversation, Turn
from tests.engines.running_engine import (
    RunningEngine,
    answer_of,
    open_engine,
    request,
    wait_until,
)
from tests.engines.tiny_models import Kind

KINDS: dict[str, Kind] = {"neox-a": "gpt_neox", "neox-b": "gpt_neox", "llama-a": "llama", "rwkv-a": "rwkv"}


def same(answer: Answer) -> tuple[object, ...]:
    """What has to be equal between two askings."""
    return answer.text, answer.finish_reason, answer.prompt, answer.measures.tokens_out


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.9, "top_p": 0.95, "seed": 7}])
def test_an_answer_does_not_depend_on_the_other_models_or_their_order(
    running: RunningEngine, settings: dict[str, Any]
) -> None:
    alone = {id: same(answer_of(running.ask(id, max_new_tokens=24, **settings))) for id in KINDS}
    for order in itertools.islice(itertools.permutations(KINDS), 0, 24, 5):
        lives = [running.ask(id, max_new_tokens=24, **settings) for id in order]
        assert {live.model_id: same(answer_of(live)) for live in lives} == alone


def test_another_seed_gives_another_answer(running: RunningEngine) -> None:
    texts = {answer_of(running.ask("neox-a", temperature=1.0, seed=seed)).text for seed in range(4)}
    assert len(texts) > 1


@pytest.mark.parametrize("model", KINDS)
def test_questions_batched_on_one_model_get_the_tokens_they_get_alone(
    running: RunningEngine, model: str
) -> None:
    questions = [
        "하늘은 왜 파란가요?",
        "수도는?",
        "김치찌개를 끓일 때는 무엇을 먼저 볶나요?",
    ]
    alone = [same(answer_of(running.ask(model, question, max_new_tokens=30))) for question in questions]
    together = [running.ask(model, question, max_new_tokens=30) for question in questions]
    assert [same(answer_of(live)) for live in together] == alone


def test_more_questions_than_rows_all_get_their_answer(running: RunningEngine) -> None:
    lives = [running.ask("neox-a", f"질문 {count}", max_new_tokens=8) for count in range(20)]
    assert all(answer_of(live).finish_reason is FinishReason.LENGTH for live in lives)


@pytest.mark.parametrize("comes_first", [True, False])
def test_a_reproducible_question_answers_alone(
    running: RunningEngine, monkeypatch: pytest.MonkeyPatch, comes_first: bool
) -> None:
    asked = replace(request("neox-a", max_new_tokens=40, temperature=1.0), reproducible=True)
    alone = same(answer_of(running.submit(asked)))
    stepper = running.stepper("neox-a")
    step = stepper.step
    beside: set[int] = set()
    lives: list[LiveAnswer] = []

    def watched(tokens: list[int]) -> Any:
        if lives and lives[0].view().state is State.ANSWERING and not lives[0].ended:
            beside.add(len(tokens))
        return step(tokens)

    monkeypatch.setattr(stepper, "step", watched)
    if comes_first:
        lives.append(running.submit(asked))
    crowd = [running.ask("neox-a", f"질문 {count}", max_new_tokens=30) for count in range(3)]
    if not comes_first:
        lives.append(running.submit(asked))
    assert same(answer_of(lives[0])) == alone
    assert all(answer_of(live).finish_reason is FinishReason.LENGTH for live in crowd)
    assert beside == {1}


def test_stopping_one_of_four_leaves_the_others_untouched(running: RunningEngine) -> None:
    alone = {id: same(answer_of(running.ask(id, max_new_tokens=200))) for id in KINDS}
    lives = {id: running.ask(id, max_new_tokens=200) for id in KINDS}
    stopped = lives["llama-a"]
    wait_until(lambda: stopped.view().measures.tokens_out >= 3)
    stopped.ask_to_stop()
    seen = stopped.view().measures.tokens_out
    answer = answer_of(stopped)
    assert answer.finish_reason is FinishReason.STOPPED
    assert answer.measures.tokens_out <= seen + 2
    assert alone["llama-a"][0].startswith(answer.text)  # type: ignore[attr-defined]
    others = {id: same(answer_of(live)) for id, live in lives.items() if id != "llama-a"}
    assert others == {id: kept for id, kept in alone.items() if id != "llama-a"}


def test_running_out_of_memory_costs_one_answer_and_no_model(
    running: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T8, at the processor: the second of four models raises midway."""
    expected = {id: same(answer_of(running.ask(id, max_new_tokens=40))) for id in KINDS}
    stepper = running.stepper("neox-b")
    step, calls = stepper.step, itertools.count()

    def short(tokens: list[int]) -> Any:
        if next(calls) == 11:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return step(tokens)

    monkeypatch.setattr(stepper, "step", short)
    lives = {id: running.ask(id, max_new_tokens=40) for id in KINDS}
    failed = answer_of(lives["neox-b"])
    assert (failed.finish_reason, failed.error_code) == (FinishReason.FAILED, "out-of-memory")
    assert failed.text and str(expected["neox-b"][0]).startswith(failed.text)
    assert "GiB" not in (failed.error or "")
    others = {id: same(answer_of(live)) for id, live in lives.items() if id != "neox-b"}
    assert others == {id: kept for id, kept in expected.items() if id != "neox-b"}
    assert {id: same(answer_of(running.ask(id, max_new_tokens=40))) for id in KINDS} == expected
    assert all(resident.cache_bytes == 0 for resident in running.view().residents)


def test_in_a_batch_only_the_newest_question_pays_for_the_shortage(
    running: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = same(answer_of(running.ask("neox-a", "오래된 질문", max_new_tokens=120)))
    older = running.ask("neox-a", "오래된 질문", max_new_tokens=120)
    wait_until(lambda: older.view().measures.tokens_out > 5)
    stepper = running.stepper("neox-a")
    step = stepper.step
    raised: list[int] = []

    def short(tokens: list[int]) -> Any:
        if len(tokens) == 2 and not raised:
            raised.append(1)
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return step(tokens)

    monkeypatch.setattr(stepper, "step", short)
    newer = running.ask("neox-a", "새 질문", max_new_tokens=120)
    assert answer_of(newer).error_code == "out-of-memory"
    assert same(answer_of(older)) == alone


def test_a_model_that_breaks_fails_its_own_column_only(
    running: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_of(running.ask("llama-a", max_new_tokens=1))

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ValueError("shapes of /secret/path do not fit")

    monkeypatch.setattr(running.stepper("llama-a"), "read", broken)
    failed, fine = running.ask("llama-a"), running.ask("neox-a")
    assert answer_of(failed).finish_reason is FinishReason.FAILED
    assert "secret" not in (answer_of(failed).error or "")
    assert answer_of(fine).finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (request("neox-x"), "neox-a"),
        (request("neox-a", "   "), "empty"),
        (replace(request("neox-a"), format_id="koalpacca"), "koalpaca"),
        (replace(request("neox-a"), quantization="int3"), "none, int8, nf4"),
        (request("neox-a", "가 나 " * 4000), "512"),
        (replace(request("neox-a"), format_id="chat"), "template"),
    ],
)
def test_a_question_that_cannot_be_asked_ends_as_failed_with_a_sentence(
    running: RunningEngine, asked: Any, words: str
) -> None:
    answer = answer_of(running.submit(asked))
    assert answer.finish_reason is FinishReason.FAILED
    assert words in (answer.error or "")
    assert all(resident.leases == 0 for resident in running.view().residents)


def test_the_answer_may_fill_the_context_and_no_more(running: RunningEngine) -> None:
    live = running.ask("neox-a", "서울은 " * 100, max_new_tokens=500)
    measures = answer_of(live, 120).measures
    assert measures.tokens_in is not None
    assert measures.tokens_in + measures.tokens_out == 512


def test_a_stop_string_that_is_a_special_token_ends_the_answer(running: RunningEngine) -> None:
    """Special tokens are not decoded, so it has to be known by its id."""
    answer_of(running.ask("llama-a", max_new_tokens=1))
    stepper = running.stepper("llama-a")
    read = stepper.read

    def says_a_special_token(*args: Any) -> Any:
        logits = read(*args)
        logits[3] = 1e9
        return logits

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepper, "read", says_a_special_token)
        answer = answer_of(running.ask("llama-a", stop_strings=("<|user|>",)))
    assert (answer.finish_reason, answer.text) == (FinishReason.EOS, "")


def test_a_conversation_goes_on_with_its_earlier_answers(running: RunningEngine) -> None:
    earlier = Conversation.ask("수도는?").answered("서울이에요.").go_on("그럼 인구는요?")
    asked = replace(request("neox-a"), conversation=earlier, format_id="koalpaca-multiturn")
    answer = answer_of(running.submit(asked))
    assert "서울이에요." in answer.prompt and answer.prompt.index("서울이에요.") < answer.prompt.index("인구")


def test_a_question_on_texts_is_asked_in_the_form_that_its_format_names(specs: dict[str, Any]) -> None:
    on_texts = Conversation((Turn("수도는?", "서울 소식", input_above=True),))
    asked = replace(request("korani", max_new_tokens=1), conversation=on_texts)
    with open_engine({"korani": specs["neox-a"].model_copy(update={"prompt_format": "korani"})}) as fresh:
        answers = [
            answer_of(fresh.submit(each))
            for each in (
                asked,
                replace(asked, format_id="korani"),
                replace(asked, conversation=Conversation.ask("수도는?", "서울 소식")),
            )
        ]
    assert [answer.format_id for answer in answers] == ["korani-search", "korani", "korani"]
    assert "서울 소식\n`````\n 위 내용은 수도는?에 대한 뉴스 기사들이야." in answers[0].prompt


def test_the_live_answer_passes_through_its_states(specs: dict[str, Any]) -> None:
    with open_engine({"neox-a": specs["neox-a"]}) as fresh:
        live = fresh.ask("neox-a", max_new_tokens=60)
        seen: list[State] = []
        while not live.ended:
            state = live.view().state
            if not seen or seen[-1] is not state:
                seen.append(state)
        assert seen[0] in (State.WAITING, State.LOADING)
        assert [state for state in seen if state in (State.LOADING, State.ANSWERING)] == [
            State.LOADING,
            State.ANSWERING,
        ]
        answer = answer_of(live)
        assert answer.measures.load_seconds is not None
        assert answer.measures.peak_bytes is not None
        assert answer.measures.peak_bytes > fresh.view().residents[0].weight_bytes
        assert answer.measures.step == "fused: step-in-torch"


def test_an_answer_tells_what_its_step_kept(specs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with open_engine({"neox-a": specs["neox-a"]}) as fresh:
        before = fresh.answer("neox-a", "하나")
        monkeypatch.setattr(type(fresh.stepper("neox-a")), "kept_bytes", lambda self: 10**9)
        after = fresh.answer("neox-a", "하나")
    assert before.measures.step_bytes is None
    assert after.measures.step_bytes == 10**9 < (after.measures.peak_bytes or 0)


def test_waiting_for_others_and_own_time_and_own_load_are_measured_apart(specs: dict[str, Any]) -> None:
    """They are the whole time to the first text, and whoever is loaded second waits for the first load."""
    with open_engine({name: specs[name] for name in ("neox-a", "neox-b")}) as fresh:
        first, second = (
            answer_of(live).measures for live in [fresh.ask(each) for each in ("neox-a", "neox-b")]
        )
        again = answer_of(fresh.ask("neox-a")).measures
    for one in (first, second, again):
        assert one.waiting_seconds is not None and one.own_seconds_to_first_text is not None
        assert one.seconds_to_first_text is not None and one.own_seconds_to_first_text > 0
        rest = one.seconds_to_first_text - one.waiting_seconds - one.own_seconds_to_first_text
        assert rest >= -1e-6
    assert first.load_seconds is not None and second.waiting_seconds is not None
    assert second.waiting_seconds > 0.9 * first.load_seconds
    assert again.seconds_to_first_text is not None and again.waiting_seconds is not None
    assert again.own_seconds_to_first_text == pytest.approx(
        again.seconds_to_first_text - again.waiting_seconds
    ), "it was not loaded again"
