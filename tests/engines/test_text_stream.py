"""Text that streams is whole: no broken Hangul, no part of a stop string, nothing taken back or lost.

Run: python -m pytest tests/engines/test_text_stream.py
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from engines.text_stream import StopCutter, TextStream
from tests.engines.tiny_models import make_tokenizer

BYTES: Tokenizer = make_tokenizer("gpt_neox").backend_tokenizer
RARE = "뷁꿻쀍힣가 👩‍👩‍👧‍👦🇰🇷é\u1100\u1161 끝"
STOPS = ("\n### 질문", "\n### 답변", "###")


def metaspace() -> Tokenizer:
    """A tokenizer of the SentencePiece kind, whose decoder eats the first space."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=["<unk>", *fallback], show_progress=False)
    tokenizer.train_from_iterator(["서울은 대한민국의 수도이다.", "한강이 흐른다."], trainer)
    return tokenizer


def stream_all(stream: TextStream, ids: Iterable[int]) -> list[str]:
    pieces = [stream.push(token) for token in ids]
    return [*pieces, stream.finish()]


def ids_of(text: str, tokenizer: Tokenizer = BYTES) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("text", [RARE, "서울이에요.", " 앞 공백", "줄\n바꿈\n\n", ""])
@pytest.mark.parametrize("tokenizer", [BYTES, metaspace()], ids=["bytes", "metaspace"])
def test_the_pieces_join_to_the_full_decode_without_a_broken_character(
    tokenizer: Tokenizer, text: str
) -> None:
    ids = ids_of(text, tokenizer)
    pieces = stream_all(TextStream(tokenizer), ids)
    assert "".join(pieces) == tokenizer.decode(ids)
    assert not any("\ufffd" in piece for piece in pieces)


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    """But for a replacement character at the very end: it cannot be told from a character cut in half."""
    assert "".join(stream_all(TextStream(BYTES), ids_of(text))) == text.rstrip("\ufffd")


def test_a_character_cut_in_the_middle_is_not_shown() -> None:
    ids = ids_of("가뷁")
    whole = "".join(stream_all(TextStream(BYTES), ids))
    cut = "".join(stream_all(TextStream(BYTES), ids[:-1]))
    assert whole == "가뷁"
    assert cut == "가"


@pytest.mark.parametrize("text", ["서울은대한민국의수도이다", RARE, "꿻뷁쀍" * 5])
def test_a_whole_character_is_shown_within_two_tokens(text: str) -> None:
    """No waiting for a space or a line end: Korean has long stretches without either."""
    ids = ids_of(text)
    stream = TextStream(BYTES)
    shown = ""
    for count, token in enumerate(ids, start=1):
        shown += stream.push(token)
        assert shown.startswith(BYTES.decode(ids[: max(count - 2, 0)]).rstrip("\ufffd"))


@pytest.mark.parametrize(
    ("text", "shown", "stopped_by"),
    [
        ("서울\n### 질문: 또", "서울", "\n### 질문"),
        ("서울\n### 답", "서울\n### 답", None),
        ("서울 ## 제목", "서울 ## 제목", None),
        ("### 질문: 바로", "", "\n### 질문"),
        ("\n### 답변", "", "\n### 답변"),
        ("서울\n\n### 질문", "서울\n", "\n### 질문"),
    ],
)
def test_a_stop_string_is_never_shown(text: str, shown: str, stopped_by: str | None) -> None:
    stream = TextStream(BYTES, ("\n### 질문", "\n### 답변"), after_newline=True)
    assert "".join(stream_all(stream, ids_of(text))) == shown
    assert stream.stopped_by == stopped_by


@given(st.lists(st.sampled_from(["\n", "#", "##", "### ", "질문", "답", "답변", "가"]), max_size=14))
@settings(max_examples=300, deadline=None)
def test_what_is_shown_is_what_stands_before_the_first_complete_stop(parts: list[str]) -> None:
    cutter = StopCutter(STOPS)
    shown = ""
    for part in parts:
        shown += cutter.push(part)
        assert not any(stop in shown for stop in STOPS)
    shown += cutter.finish()
    text = "".join(parts)
    ends = [(place + len(stop), place) for stop in STOPS if (place := text.find(stop)) >= 0]
    assert shown == (text[: min(ends)[1]] if ends else text)


@pytest.mark.parametrize(
    ("lead", "text", "shown"),
    [
        (" ", " 서울", "서울"),
        (" ", "서울", "서울"),
        (" ", "  서울", " 서울"),
        (" ", "서울 부산", "서울 부산"),
        ("\n ", "\n 서울", "서울"),
        (" ", "", ""),
    ],
)
def test_the_lead_of_training_is_dropped_once(lead: str, text: str, shown: str) -> None:
    assert "".join(stream_all(TextStream(BYTES, lead=lead), ids_of(text))) == shown
