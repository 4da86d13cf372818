"""Tokens in any order, broken bytes among them, stream as text: nothing raises, no whole character is lost.

Run: python -m pytest tests/engines/test_stray_bytes.py
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from engines.text_stream import StopCutter, TextStream
from tests.prompts.small_tokenizers import BUILDERS, small

FALLING_BACK = ["llama2", "gemma", "metaspace"]
BROKEN = "\ufffd"
BYTES = [*range(0x20, 0x7F), 0x0A, *"가한€é😀".encode(), 0x80, 0xC0, 0xF5, 0xFF]


def backend(name: str) -> Tokenizer:
    made: Tokenizer = small(name).backend_tokenizer
    return made


@cache
def byte_ids(name: str) -> dict[int, int]:
    """byte → id."""
    found = {byte: backend(name).token_to_id(f"<0x{byte:02X}>") for byte in range(256)}
    return {byte: id for byte, id in found.items() if id is not None}


@cache
def skipped(name: str) -> frozenset[int]:
    added = backend(name).get_added_tokens_decoder()
    return frozenset(id for id, token in added.items() if token.special)


def mended(name: str, ids: list[int]) -> list[int]:
    """The same tokens with every broken byte written as the bytes of U+FFFD, as Unicode asks for."""
    of_id = {id: byte for byte, id in byte_ids(name).items()}
    out: list[int] = []
    run = bytearray()
    for id in [id for id in ids if id not in skipped(name)]:
        if id in of_id:
            run.append(of_id[id])
            continue
        out += [byte_ids(name)[byte] for byte in run.decode("utf-8", "replace").encode()]
        run.clear()
        out.append(id)
    return out + [byte_ids(name)[byte] for byte in run.decode("utf-8", "replace").encode()]


def streamed(name: str, ids: Iterable[int], stops: tuple[str, ...] = ()) -> str:
    stream = TextStream(backend(name), stops)
    return "".join([*(stream.push(id) for id in ids), stream.finish()])


def tokens_of(name: str) -> st.SearchStrategy[list[int]]:
    """Any tokens, and of those that are bytes more than their share."""
    any_token = st.integers(0, backend(name).get_vocab_size() - 1)
    a_byte = st.sampled_from(BYTES).map(lambda byte: byte_ids(name).get(byte, byte))
    a_character = st.sampled_from("가한€é😀 \n").map(
        lambda text: [byte_ids(name).get(byte, byte) for byte in text.encode()]
    )
    one = st.one_of(any_token.map(lambda id: [id]), a_byte.map(lambda id: [id]), a_character)
    return st.lists(one, max_size=14).map(lambda parts: [id for part in parts for id in part])


@pytest.mark.parametrize("name", BUILDERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_tokens_stream_as_the_tokenizer_decodes_them(name: str, data: st.DataObject) -> None:
    """But for replacement characters at the very end, which may be a character cut in half."""
    ids = data.draw(tokens_of(name))
    whole = backend(name).decode(mended(name, ids) if name in FALLING_BACK else ids)
    assert streamed(name, ids).rstrip(BROKEN) == whole.rstrip(BROKEN)


@pytest.mark.parametrize("name", FALLING_BACK)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_stop_strings_are_found_whatever_bytes_they_come_in(name: str, data: st.DataObject) -> None:
    ids = data.draw(tokens_of(name))
    stops = ("한", "é\n", "a")
    cutter = StopCutter(stops)
    whole = streamed(name, ids)
    assert streamed(name, ids, stops) == cutter.push(whole) + cutter.finish()


@pytest.mark.parametrize("name", FALLING_BACK)
@pytest.mark.parametrize("before", [b"", b"A", b"\xec", b"\xec\x84", b"A\xff\xf0\x9f", "한".encode()])
def test_a_whole_character_is_shown_with_its_last_byte_whatever_came_before(name: str, before: bytes) -> None:
    stream = TextStream(backend(name))
    pieces = [stream.push(byte_ids(name)[byte]) for byte in before + "서울".encode()]
    assert pieces[-6:-4] in ([BROKEN, ""], ["", ""]) and pieces[-4] == "서"
    assert pieces[-3:] == ["", "", "울"]
    assert "".join(pieces) == (before + "서울".encode()).decode("utf-8", "replace")


@pytest.mark.parametrize("name", FALLING_BACK)
def test_words_after_a_stray_byte_keep_their_space(name: str) -> None:
    words = backend(name).encode("서울 부산", add_special_tokens=False).ids
    for at in range(1, len(words)):
        ids = [*words[:at], byte_ids(name)[0xEC], *words[at:]]
        shown, whole = streamed(name, ids), streamed(name, words)
        assert shown.replace(BROKEN, "") == whole and BROKEN in shown
    assert streamed(name, [byte_ids(name)[0xEC], *words]).startswith(BROKEN)
