"""What a model answered, drawn as the Markdown it is.

Knows: that a model is a stranger; code goes to st.code, which changes nothing in it.
Refuses to know: models, figures, and whether the answer is still growing.
"""

from __future__ import annotations

import streamlit as st

from dashboard.shared.markdown_reading import TooTangled
from dashboard.shared.safe_markdown import Code, safe_blocks
from dashboard.shared.safe_text import whole_characters
from dashboard.texts import Texts


def answer_text(text: str, texts: Texts) -> None:
    try:
        blocks = safe_blocks(text)
    except TooTangled:
        st.text(whole_characters(text))
        return
    for block in blocks:
        if isinstance(block, Code):
            st.code(block.text, language=block.language, wrap_lines=True)
        else:
            st.markdown(block, anchors=False)
    if not blocks:
        st.caption(texts.answer_text["blank" if text else "empty"])
