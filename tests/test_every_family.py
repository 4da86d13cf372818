"""The families that tests leave out are those that cannot be built, each with its reason.

Run: python -m pytest tests/test_every_family.py
"""

from __future__ import annotations

import pytest
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from tests.every_family import NOT_BUILDABLE, tiny_network


def test_whoever_is_excused_is_a_family_that_writes_text() -> None:
    assert set(NOT_BUILDABLE) <= set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    assert all(NOT_BUILDABLE.values())


@pytest.mark.parametrize("name", sorted(NOT_BUILDABLE))
def test_a_family_that_is_left_out_cannot_be_built(name: str) -> None:
    with pytest.raises((AttributeError, ImportError, OSError, TypeError, ValueError)):
        tiny_network(name)
