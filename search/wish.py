"""What a person sends to be answered from sources, alone because who searches and who asks both read it."""

from __future__ import annotations

from dataclasses import dataclass

from comparison.asking import HowToAnswer
from search.deciding import SearchMode

EXTRACTIVE = "extractive"
"""The id of the column that answers without any model: the best sentences of the sources."""


@dataclass(frozen=True)
class SearchWish:
    """The words, to whom, how, and where it is searched, all as it was when it was sent."""

    question: str
    models: tuple[str, ...]
    """Model ids, the extractive answer among them."""
    how: HowToAnswer = HowToAnswer()
    mode: SearchMode = SearchMode.AUTO
    provider: str = "documents"
    folder: str = ""
    """Own documents in place of those that ship."""
    most_sources: int = 5
    previous: str | None = None
    """The run that a following question goes on with."""
    lender: int | None = None
    """The position of the answer that a model which was not asked before takes over."""
