"""Holds which tokens are learned, for every data shape and format: the end token always, a prompt never.

Run: python -m pytest tests/finetune/tokens/test_token_masks.py
The golden files show what is learned between ⟦ and ⟧; `python -m tests.finetune.tokens.token_masks` rewrites
them.
"""

from __future__ import annotations

import pytest

from tests.finetune.tokens.token_masks import (
    FORMATS,
    GOLDEN,
    PAIRS,
    SHAPES,
    end_of,
    path_of,
    readable,
    rows_of,
    texts,
    tokenizer_of,
)

SAID = [
    (format_id, name, shape)
    for format_id, name in PAIRS
    for shape in SHAPES
    if (format_id, shape) != ("korani-search", "system") and name != "unigram"
]
"""Without the format that has no place for a system text, and the tokenizer that lacks letters."""


@pytest.mark.parametrize(("format_id", "name"), PAIRS)
def test_the_mask_is_golden(format_id: str, name: str) -> None:
    assert readable(format_id, name) == path_of(format_id, name).read_text(encoding="utf-8")


def test_every_golden_file_is_used_and_every_format_has_one() -> None:
    assert set(GOLDEN.iterdir()) == {path_of(*pair) for pair in PAIRS}
    assert {format_id for format_id, _ in PAIRS} == set(FORMATS.by_id)


@pytest.mark.parametrize(("format_id", "name", "shape"), SAID)
def test_lead_answer_and_end_are_learned_and_nothing_else(format_id: str, name: str, shape: str) -> None:
    """Against the answers themselves, not against what was once written to a file."""
    rows = rows_of(format_id, name, shape)
    said = [text for row in rows for text, learned in texts(row, name) if learned]
    lead, end = FORMATS.get(format_id).answer_lead, end_of(name)
    assert said == [f"{lead}{turn.answer}{end}" for turn in SHAPES[shape].turns]
    end_id = tokenizer_of(name).convert_tokens_to_ids(end)
    learned_ids = [id for row in rows for id, learned in zip(row.ids, row.learned, strict=True) if learned]
    assert learned_ids.count(end_id) == len(SHAPES[shape].turns)
