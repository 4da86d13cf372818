"""What a label may hold as it is written: it is read out letter by letter, and drawn as Markdown.

Run: python -m pytest tests/dashboard/test_plain_labels.py
"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.shared.safe_text import is_plain
from model_registry.registry import load_registry
from tests.dashboard.test_safe_markdown import without_spaces, words_shown


@given(st.text(alphabet="가aW1 .:_-+()/,!*[]$~>@#`|&\\\n", max_size=12))
@example("www.a.b")
@example("1) a")
@example("    a")
@example("a:b: http://c")
def test_what_is_plain_is_drawn_as_it_is_written(text: str) -> None:
    assert not is_plain(text) or words_shown(f"{text} 뒤") == without_spaces(f"{text}뒤")


def test_the_names_of_models_are_plain() -> None:
    titles = [spec.title for spec in load_registry().models.values()]
    assert [title for title in titles if not is_plain(title) and "Mi:dm" not in title] == []
