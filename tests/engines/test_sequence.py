"""An answer ends for one known reason, and its figures are read from what happened.

Run: python -m pytest tests/engines/test_sequence.py
"""

from __future__ import annotations

import pytest

from engines.base import AnswerRequest, FinishReason, GenerationSettings, LiveAnswer, State
from engines.sampling import SeededNumbers, TokenSampler
from engines.sequence import AnswerOrigin, Sequence
from engines.text_stream import TextStream
from errors import AS_WRITTEN, OutOfMemory
from prompts.conversation import Conversation
from tests.engines.tiny_models import make_tokenizer

TOKENIZER = make_tokenizer("gpt_neox").backend_tokenizer
EOS = 2


def sequence(most: int = 50, stops: tuple[str, ...] = ()) -> tuple[Sequence, list[str]]:
    request = AnswerRequest("m", Conversation.ask("수도는?"), GenerationSettings(max_new_tokens=most))
    ended: list[str] = []
    made = Sequence(
        origin=AnswerOrigin(request, "수도는?", "plain", "abc", "none", 1.5),
        live=LiveAnswer("m"),
        prompt_ids=[9, 8, 7],
        eos_token_ids=frozenset({EOS}),
        max_new_tokens=most,
        sampler=TokenSampler(request.settings, SeededNumbers(0, "m", ""), []),
        stream=TextStream(TOKENIZER, stops),
        on_end=lambda: ended.append("model given back"),
    )
    return made, ended


def say(made: Sequence, text: str) -> None:
    for token in TOKENIZER.encode(text).ids:
        if not made.ended:
            made.take(token)


@pytest.mark.parametrize(
    ("text", "most", "stops", "eos", "reason", "shown"),
    [
        ("서울", 50, (), True, FinishReason.EOS, "서울"),
        ("서울 끝 부산", 50, (" 끝",), False, FinishReason.STOP_STRING, "서울"),
        ("서울", 1, (), False, FinishReason.LENGTH, None),
        ("서울", 50, (), False, FinishReason.STOPPED, "서울"),
    ],
)
def test_every_end_has_its_reason(
    text: str, most: int, stops: tuple[str, ...], eos: bool, reason: FinishReason, shown: str | None
) -> None:
    made, ended = sequence(most, stops)
    say(made, text)
    if eos:
        made.take(EOS)
    if not made.ended:
        made.end(FinishReason.STOPPED)
    made.deliver()
    answer = made.live.view().answer
    assert answer is not None
    assert answer.finish_reason is reason
    assert ended == ["model given back"]
    if shown is not None:
        assert answer.text == shown
    assert answer.measures.tokens_in == 3
    assert (answer.revision, answer.quantization, answer.format_id) == ("abc", "none", "plain")
    assert answer.measures.load_seconds == 1.5


def test_the_end_token_is_not_counted_and_not_shown() -> None:
    made, _ = sequence()
    say(made, "서울")
    made.take(EOS)
    made.deliver()
    answer = made.live.view().answer
    assert answer is not None
    assert answer.measures.tokens_out == len(TOKENIZER.encode("서울").ids)
    assert answer.measures.seconds_to_first_text is not None
    assert answer.measures.tokens_per_second is not None
    assert answer.measures.characters_per_second is not None


def test_a_failure_keeps_the_text_that_had_come() -> None:
    made, _ = sequence()
    say(made, "서울이")
    assert made.live.view().state is State.ANSWERING
    made.fail(OutOfMemory(AS_WRITTEN, sentence="Memory ran out."))
    made.end(FinishReason.EOS)
    made.deliver()
    view = made.live.view()
    assert view.state is State.FAILED
    assert view.answer is not None
    assert (view.answer.text, view.answer.error_code) == ("서울이", "out-of-memory")


def test_a_half_stop_string_at_the_length_limit_is_shown_as_text() -> None:
    ids = TOKENIZER.encode("서울 끝").ids
    made, _ = sequence(most=len(ids), stops=(" 끝났다",))
    say(made, "서울 끝")
    made.deliver()
    answer = made.live.view().answer
    assert answer is not None
    assert (answer.text, answer.finish_reason) == ("서울 끝", FinishReason.LENGTH)


def test_a_stop_string_that_only_the_end_brings_out_is_still_a_stop_string() -> None:
    """The last token holds a whole character and half of the next, so the whole one was held back."""
    ids = TOKENIZER.encode("서울은대한").ids
    cut = next(n for n in range(len(ids), 0, -1) if TOKENIZER.decode(ids[:n]).endswith("대\ufffd"))
    made, _ = sequence(most=cut, stops=("대",))
    say(made, "서울은대한")
    made.deliver()
    answer = made.live.view().answer
    assert answer is not None
    assert (answer.text, answer.finish_reason) == ("서울은", FinishReason.STOP_STRING)
