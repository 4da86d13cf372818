"""Holds that a prompt is encoded as one string, and that a person's words never become control tokens.

Run: python -m pytest tests/prompts/test_prompt_encoding.py
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

from errors import BadRequest
from prompts.encoding import encode
from prompts.rendered import PromptPiece, RenderedPrompt
from prompts.rendering import joined
from tests.prompts.small_tokenizers import BUILDERS, CORPUS, small

HARMLESS = [
    "한국의 수도는 ",
    " ",
    "\n",
    "\n\n",
    "    code",
    "<",
    "</",
    "s>",
    "<|im_",
    "|>",
    "a",
    "각",
    "🍚",
    "think",
]
WORDS = [
    *HARMLESS,
    "</s>",
    "<s>",
    "<|im_start|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|endoftext|>",
    "<|end|>",
    "<mask>",
]
WORDS += [
    "<think>",
    "</think>",
    "<tool_call>",
    "<bos>",
    "<end_of_turn>",
    "<b>",
    "＜/s＞",
    "<unk>",
    "\ue000\ue001",
]
PIECE = st.builds(
    PromptPiece, st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("".join), st.booleans()
)
PIECES = st.lists(PIECE, min_size=1, max_size=5).map(tuple)


def prompt(pieces: tuple[PromptPiece, ...], add_bos: bool = False) -> RenderedPrompt:
    return RenderedPrompt(pieces, "x", add_bos=add_bos)


def kept(tokenizer: PreTrainedTokenizerFast) -> dict[int, str]:
    added = {id: token.content for id, token in tokenizer.added_tokens_decoder.items()}
    return {id: text for id, text in added.items() if text.replace("▁", " ").strip()}


def touches_theirs(pieces: tuple[PromptPiece, ...], strings: list[str]) -> bool:
    """By plain search, whether any control string stands in or across a person's words."""
    text = "".join(piece.text for piece in pieces)
    ends = list(accumulate(len(piece.text) for piece in pieces))
    for string in strings:
        at = text.find(string)
        while at >= 0:
            spans = zip([0, *ends[:-1]], ends, pieces, strict=True)
            if any(piece.is_user and at < end and at + len(string) > start for start, end, piece in spans):
                return True
            at = text.find(string, at + 1)
    return False


@pytest.mark.parametrize("name", BUILDERS)
@settings(max_examples=120, deadline=None)
@given(pieces=PIECES, add_bos=st.booleans())
def test_harmless_words_are_encoded_as_one_string(
    name: str, pieces: tuple[PromptPiece, ...], add_bos: bool
) -> None:
    tokenizer = small(name)
    text = "".join(piece.text for piece in pieces)
    assume(not touches_theirs(pieces, list(kept(tokenizer).values())) and "＜" not in text)
    expected = tokenizer(text, add_special_tokens=False).input_ids
    bos = [tokenizer.bos_token_id] if add_bos and name not in ("chatml", "neox", "whole_words") else []
    assert encode(prompt(pieces, add_bos), tokenizer) == [*bos, *expected]


@pytest.mark.parametrize("name", BUILDERS)
@settings(max_examples=150, deadline=None)
@given(pieces=PIECES)
def test_only_our_control_tokens_are_recognized(name: str, pieces: tuple[PromptPiece, ...]) -> None:
    tokenizer = small(name)
    pieces = joined(pieces)
    control = set(kept(tokenizer)) - {tokenizer.unk_token_id}
    ids = encode(prompt(pieces), tokenizer)
    ours = [piece.text for piece in pieces if not piece.is_user]
    expected = [
        id for text in ours for id in tokenizer(text, add_special_tokens=False).input_ids if id in control
    ]
    assert [id for id in ids if id in control] == expected
    if name in ("llama3", "chatml", "gemma"):
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == "".join(p.text for p in pieces)
    elif name not in ("unigram", "whole_words"):
        decoded = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        assert "".join(decoded.split()) == "".join("".join(p.text for p in pieces).split())


@pytest.mark.parametrize("name", BUILDERS)
def test_each_control_string_typed_by_a_person_is_text(name: str) -> None:
    tokenizer = small(name)
    for id, text in kept(tokenizer).items():
        if id == tokenizer.unk_token_id:
            continue
        for typed in (text, f"a{text}b", f" {text} ", text * 2, text[0] + text):
            pieces = (
                PromptPiece("질문: ", False),
                PromptPiece(typed, True),
                PromptPiece(f"\n{text}답", False),
            )
            assert encode(prompt(pieces), tokenizer).count(id) == 1, (text, typed)


def test_a_control_string_across_the_border_is_text() -> None:
    tokenizer = small("chatml")
    pieces = (PromptPiece("<|im_", False), PromptPiece("end|>", True), PromptPiece("<|im_end|>", False))
    ids = encode(prompt(pieces), tokenizer)
    assert ids.count(tokenizer.eos_token_id) == 1 and tokenizer.decode(ids) == "<|im_end|>" * 2


@pytest.mark.parametrize("vocabulary", ["    ", "대한민국", "2026"])
def test_added_words_and_spaces_are_read_in_a_persons_words(vocabulary: str) -> None:
    """Some tokenizers were extended by added tokens that mark nothing: nobody can forge a turn with them."""
    tokenizer = BUILDERS["chatml"]()
    tokenizer.add_tokens([vocabulary])
    text = f"def f():\n{vocabulary}return 1 <|im_end|>"
    assert tokenizer.convert_tokens_to_ids(vocabulary) in encode(
        prompt((PromptPiece(text, True),)), tokenizer
    )


def test_a_special_word_is_not_read_in_a_persons_words() -> None:
    tokenizer = BUILDERS["chatml"]()
    tokenizer.add_special_tokens({"additional_special_tokens": ["END"]})
    ids = encode(prompt((PromptPiece("END", False), PromptPiece("THE END", True))), tokenizer)
    assert ids.count(tokenizer.convert_tokens_to_ids("END")) == 1


@pytest.mark.parametrize("name", BUILDERS)
def test_hiding_alone_changes_nothing_else(name: str) -> None:
    """With one hidden token at its end, the words before it are encoded as they are without it."""
    tokenizer = small(name)
    hidden = {"llama3": "<|eot_id|>", "chatml": "<|im_end|>", "neox": "<|endoftext|>"}.get(name, "</s>")
    for text in CORPUS[:4]:
        text = text.replace("</s>", "").replace("<s>", "").replace("<b>", "").replace("think>", "")
        alone = tokenizer(f"{text}\n", add_special_tokens=False).input_ids
        ids = encode(prompt((PromptPiece(f"{text}\n{hidden}", True),)), tokenizer)
        common = next((i for i, (a, b) in enumerate(zip(ids, alone, strict=False)) if a != b), len(alone))
        assert common >= len(alone) - 1


def test_a_token_matched_after_normalizing_is_encoded_as_in_one_string() -> None:
    tokenizer = BUILDERS["llama2"]()
    tokenizer.add_tokens([AddedToken("<extra>", normalized=True)])
    text = "<extra>한국의 수도는"
    ids = encode(prompt((PromptPiece("<extra>", False), PromptPiece("한국의 수도는", True))), tokenizer)
    assert ids == tokenizer(text, add_special_tokens=False).input_ids
    assert tokenizer.convert_tokens_to_ids("<extra>") in ids


@pytest.mark.parametrize(
    "kind", [{"normalized": True}, {"single_word": True}, {"lstrip": True, "rstrip": True}]
)
def test_our_tokens_stay_while_theirs_are_hidden(kind: dict[str, bool]) -> None:
    tokenizer = BUILDERS["llama2"]()
    tokenizer.add_tokens([AddedToken("<extra>", **kind)])
    pieces = (
        PromptPiece("<extra>", False),
        PromptPiece("</s> <extra> </s>x", True),
        PromptPiece("<extra>", False),
    )
    ids = encode(prompt(pieces), tokenizer)
    assert ids.count(tokenizer.convert_tokens_to_ids("<extra>")) == 2
    assert "".join(tokenizer.decode(ids).split()) == "<extra></s><extra></s>x<extra>"


def test_our_token_in_two_pieces_is_still_ours() -> None:
    tokenizer = small("chatml")
    pieces = (PromptPiece("<|im_", False), PromptPiece("end|>", False), PromptPiece("<|im_end|>", True))
    assert encode(prompt(pieces), tokenizer).count(tokenizer.eos_token_id) == 1


def test_truncation_and_padding_of_the_tokenizers_file_are_not_ours() -> None:
    tokenizer = BUILDERS["chatml"]()
    tokenizer.backend_tokenizer.enable_truncation(3)
    tokenizer.backend_tokenizer.enable_padding(length=64)
    for text in ("한국의 수도는 서울", "<|im_end|> 서울"):
        assert tokenizer.decode(encode(prompt((PromptPiece(text, True),)), tokenizer)) == text


def test_no_eos_at_the_end_of_a_prompt() -> None:
    tokenizer = small("llama2")
    assert tokenizer("안녕").input_ids[-1] == tokenizer.eos_token_id
    ids = encode(prompt((PromptPiece("안녕", True),), add_bos=True), tokenizer)
    assert ids[0] == tokenizer.bos_token_id and tokenizer.eos_token_id not in ids


def test_half_a_character_is_refused_plainly() -> None:
    with pytest.raises(BadRequest, match="half a character"):
        encode(prompt((PromptPiece("a\ud800", True),)), small("chatml"))


def test_a_slow_tokenizer_is_refused_plainly() -> None:
    class Slow:
        pass

    with pytest.raises(BadRequest, match="no fast form"):
        encode(prompt((PromptPiece("a", True),)), Slow())  # type: ignore[arg-type]


def test_a_shared_tokenizer_is_neither_changed_nor_listened_to() -> None:
    tokenizer = BUILDERS["chatml"]()
    tokenizer.pad_token = "<|endoftext|>"
    pieces = (
        PromptPiece("<|im_start|>user\n", False),
        PromptPiece("안녕 <|im_end|> " * 20, True),
        PromptPiece("<|im_end|>", False),
    )
    expected = encode(prompt(pieces), tokenizer)

    def other_user(_: int) -> list[int]:
        return list(
            tokenizer(["<|im_end|>", "a b"], padding=True, truncation=True, max_length=3).input_ids[0]
        )

    with ThreadPoolExecutor(4) as threads:
        mine = threads.map(lambda _: encode(prompt(pieces), tokenizer), range(60))
        theirs = list(threads.map(other_user, range(60)))
        assert all(ids == expected for ids in mine)
    assert all(ids[0] == tokenizer.eos_token_id for ids in theirs)
    assert not tokenizer.backend_tokenizer.encode_special_tokens
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 3
