"""Holds that blocks lose and repeat nothing, are never too long, and come in an order that the seed decides.

Run: python -m pytest tests/finetune/tokens/test_token_blocks.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import BadRequest
from finetune.examples import TokenRow
from finetune.sft_settings import Batching
from finetune.tokens.blocks import NOT_LEARNED, Block, blocks
from finetune.tokens.dataset import EpochOrder

ROOT = Path(__file__).parents[3]
BATCHINGS = get_args(Batching)
LONGEST = 16
ROWS = st.lists(
    st.lists(st.tuples(st.integers(0, 99), st.booleans()), min_size=1, max_size=LONGEST), max_size=30
).map(
    lambda rows: [
        TokenRow(tuple(id for id, _ in row), tuple(learned for _, learned in row), f"line {count}")
        for count, row in enumerate(rows)
    ]
)
LENGTHS = [3, 9, 16, 1, 7, 7, 5, 12, 2, 14, 6, 4, 10]
SOME = [TokenRow((count,) * length, (True,) * length, str(count)) for count, length in enumerate(LENGTHS)]


def names(found: list[Block]) -> list[list[str]]:
    return [[row.source for row in block.rows] for block in found]


@pytest.mark.parametrize("batching", BATCHINGS)
@settings(deadline=None)
@given(rows=ROWS, seed=st.integers(0, 9), micro_batch=st.integers(1, 4))
def test_every_token_of_every_row_is_there_once(
    batching: Batching, rows: list[TokenRow], seed: int, micro_batch: int
) -> None:
    found = blocks(rows, batching, LONGEST, seed, micro_batch=micro_batch)
    assert Counter(row for block in found for row in block.rows) == Counter(rows)
    for block in found:
        assert 0 < len(block) == len(block.input_ids) <= LONGEST
        assert batching == "packed" or len(block.rows) == 1
        ids, labels, places = block.input_ids, block.labels, block.position_ids
        starts = [place for place, position in enumerate(places) if position == 0]
        for row, start in zip(block.rows, starts, strict=True):
            end = start + len(row.ids)
            assert tuple(ids[start:end]) == row.ids and places[start:end] == list(range(len(row.ids)))
            wanted = [id if kept else NOT_LEARNED for id, kept in zip(row.ids, row.learned, strict=True)]
            assert labels[start:end] == [NOT_LEARNED, *wanted[1:]], "a first token is predicted by nothing"


@settings(deadline=None)
@given(rows=ROWS, seed=st.integers(0, 9))
def test_no_two_blocks_would_fit_into_one(rows: list[TokenRow], seed: int) -> None:
    lengths = sorted(len(block) for block in blocks(rows, "packed", LONGEST, seed))
    assert len(lengths) < 2 or lengths[0] + lengths[1] > LONGEST


def test_a_row_goes_where_it_fits_best() -> None:
    """The 2 would also fit beside the 10, which was there first."""
    rows = [TokenRow((0,) * length, (True,) * length, str(length)) for length in (2, 7, 10, 7)]
    packed = blocks(rows, "packed", LONGEST, seed=1)
    assert sorted(tuple(len(row.ids) for row in block.rows) for block in packed) == [(7, 7, 2), (10,)]


def test_rows_of_like_length_share_a_batch() -> None:
    lengths = [len(block) for block in blocks(SOME, "by-length", LONGEST, 3, micro_batch=3)]
    batches = [lengths[start : start + 3] for start in range(0, len(lengths), 3)]
    assert sorted(batches[:-1]) + batches[-1:] == [[1, 2, 3], [4, 5, 6], [7, 7, 9], [10, 12, 14], [16]]
    assert batches[:-1] != sorted(batches[:-1]), "the batches themselves are shuffled"


@pytest.fixture(scope="module")
def orders_by_hash() -> list[dict[Batching, str]]:
    """The blocks of each batching, as processes see them that hash differently."""
    ask = (
        "from tests.finetune.tokens.test_token_blocks import BATCHINGS, ordered;"
        "import json; print(json.dumps({each: ordered(each) for each in BATCHINGS}))"
    )
    return [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", ask],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for hash_seed in ("1", "2")
    ]


def ordered(batching: Batching) -> str:
    """The blocks, and the order of an epoch."""
    order = EpochOrder(9, 1, 2)
    order.set_epoch(3)
    return f"{names(blocks(SOME, batching, LONGEST, 1, micro_batch=2))} {list(order)}"


@pytest.mark.parametrize("batching", BATCHINGS)
def test_the_seed_decides_the_order_and_hashing_does_not(
    batching: Batching, orders_by_hash: list[dict[Batching, str]]
) -> None:
    first = names(blocks(SOME, batching, LONGEST, 1, micro_batch=2))
    assert first == names(blocks(SOME, batching, LONGEST, 1, micro_batch=2))
    assert any(first != names(blocks(SOME, batching, LONGEST, seed, micro_batch=2)) for seed in range(2, 6))
    assert [each[batching] for each in orders_by_hash] == [ordered(batching)] * 2


@pytest.mark.parametrize(("count", "group"), [(13, 1), (13, 3), (12, 4), (2, 5)])
def test_every_epoch_has_an_order_of_its_own_that_keeps_batches_whole(count: int, group: int) -> None:
    order = EpochOrder(count, seed=5, group=group)
    seen = [tuple(order)]
    assert seen[0] == tuple(range(count)) and len(order) == count
    for epoch in range(1, 6):
        order.set_epoch(epoch)
        seen.append(tuple(order))
        batches = [seen[-1][start : start + group] for start in range(0, count, group)]
        assert sorted(seen[-1]) == list(range(count))
        assert all(
            batch[0] % group == 0 and list(batch) == list(range(batch[0], batch[0] + len(batch)))
            for batch in batches
        )
    assert (len(set(seen)) > 1) == (count > group)


def test_a_row_that_no_block_can_hold_is_refused() -> None:
    with pytest.raises(BadRequest, match="2 has 16 tokens; 15 are allowed"):
        blocks(SOME, "packed", 15, 1)
