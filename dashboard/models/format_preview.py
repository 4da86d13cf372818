"""The exact prompt of one question, its pieces told apart: the format's, and the person's.

Knows: how a prompt is drawn so that every space and line end can be seen.
Refuses to know: how a prompt is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import streamlit as st

from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.texts import Texts
from prompts.chat import messages_of
from prompts.conversation import Conversation
from prompts.format import PromptFormat
from prompts.rendered import Piece, RenderedPrompt

_MOST_SHOWN = 6_000
"""Characters that are told apart; of a longer prompt the rest stands in the exact text only."""
_EDGES = re.compile(r"^ +| +$|  +")


def rendered_prompt(rendered: RenderedPrompt, stop_strings: Sequence[str], texts: Texts) -> None:
    st.markdown(
        f":gray-background[{texts.models['ours']}] :blue-background[{texts.models['yours']}]"
        f" · {texts.models['signs']}"
    )
    with st.container(border=True):
        st.markdown(_marked(rendered.pieces))
    if len(rendered.text) > _MOST_SHOWN:
        st.caption(texts.models["cut"].format(count=f"{_MOST_SHOWN:,}"))
    facts = [texts.models["bos_added" if rendered.add_bos else "bos_there"]]
    if rendered.answer_lead:
        facts.append(texts.models["answer_lead"].format(lead=safe_text(repr(rendered.answer_lead))))
    st.caption(" ".join(facts))
    with st.expander(texts.models["exact"]):
        # st.code takes one line end away at either side.
        st.code(f"\n{whole_characters(rendered.text)}\n", language=None, wrap_lines=True)
    stops(stop_strings, texts)


def messages_only(conversation: Conversation, stop_strings: Sequence[str], texts: Texts) -> None:
    """What is known of a chat format without its tokenizer: who says what, not how it is written."""
    with st.container(border=True):
        for message in messages_of(conversation):
            st.markdown(f":gray-badge[{message['role']}] {_marked([Piece(message['content'], True)])}")
    stops(stop_strings, texts)


def stops(stop_strings: Sequence[str], texts: Texts) -> None:
    shown = " ".join(f":orange-background[{_visible(stop)}]" for stop in stop_strings)
    st.markdown(f"{texts.models['stops']} {shown or texts.models['no_stops']}")


def format_facts(format: PromptFormat, texts: Texts) -> None:
    native = texts.models[f"turns_{format.multi_turn}"]
    st.caption(f"{safe_text(format.title)} · {native}")
    if format.notes:
        st.caption(safe_text(format.notes))
    for reference in format.references:
        mark = "" if reference.sure else f" :orange-badge[{texts.models['unsure']}]"
        st.caption(f"{safe_text(reference.what)} — {safe_text(reference.where)}{mark}")


def _marked(pieces: Iterable[Piece]) -> str:
    left, lines = _MOST_SHOWN, [""]
    for piece in pieces:
        color = "blue" if piece.is_user else "gray"
        first, *rest = piece.text[:left].split("\n")
        left = max(0, left - len(piece.text))
        lines[-1] += _span(first, color, ended=bool(rest))
        lines += [_span(line, color, ended=True) for line in rest[:-1]]
        lines += [_span(line, color, ended=False) for line in rest[-1:]]
    if not lines[-1]:  # after a last line end; a break at the very end would be shown as a backslash
        lines.pop()
    return "\\\n".join(line or " " for line in lines)


def _span(line: str, color: str, ended: bool) -> str:
    text = _visible(line) + ("↵" if ended else "")
    return f":{color}-background[{text}]" if text else ""


def _visible(text: str) -> str:
    """Spaces that a browser would swallow, and line ends, as signs."""
    spaced = _EDGES.sub(lambda found: "·" * len(found[0]), text.replace("\t", "⇥"))
    return safe_text(spaced.replace("\n", "↵"))
