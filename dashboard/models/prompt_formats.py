"""The exact prompt that a question becomes, its pieces told apart: the format's and the person's.

Every space and line end can be seen. A chat format needs its model's tokenizer; where that is not on this
machine, only who says what is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import streamlit as st

from dashboard.errors import show_error
from dashboard.session import models
from dashboard.shared.model_choices import distinct_titles
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.texts import Texts
from errors import BadRequest, NaraniError
from model_registry.chat_tokenizer import UnreadableTokenizer, has_template, read_tokenizer, tokenizer_folder
from model_registry.registry import Registry
from model_registry.spec import ModelSpec
from prompts.chat import messages_of
from prompts.conversation import Conversation
from prompts.format import PromptFormat
from prompts.rendered import PromptPiece, RenderedPrompt
from prompts.rendering import render

_MOST_SHOWN = 6_000
"""So many characters of a prompt are shown piece by piece; what comes after them stands in the exact text
only."""
_EDGES = re.compile(r"^ +| +$|  +")


def formats(registry: Registry, texts: Texts) -> None:
    asking, prompt = st.columns([2, 3], gap="large")
    with asking:
        format, spec = _whose(registry, texts)
        conversation = _conversation(texts)
        thinking = _thinking(spec, texts)
    with prompt:
        try:
            _show(registry, format, spec, conversation, thinking, texts)
        except NaraniError as error:
            show_error(error, texts)
        format_facts(format, texts)


def _whose(registry: Registry, texts: Texts) -> tuple[PromptFormat, ModelSpec | None]:
    by_model = st.segmented_control(
        texts.models["format_of"],
        [True, False],
        default=True,
        required=True,
        key=models.FORMAT_OF,
        format_func=lambda one: texts.models["of_model" if one else "of_format"],
        persist_state="session",
    )
    if not by_model:
        names = sorted(registry.formats.by_id)
        name = st.selectbox(
            texts.models["of_format"],
            names,
            index=names.index("koalpaca"),
            key=models.FORMAT,
            format_func=lambda one: f"{one} · {texts.said(registry.formats.get(one).title)}",
            persist_state="session",
        )
        return registry.formats.get(name), None
    ids = sorted(registry.models, key=lambda id: (not registry.models[id].demo, registry.models[id].title))
    titles = distinct_titles(registry.models)
    model_id = st.selectbox(
        texts.models["of_model"],
        ids,
        key=models.FORMAT_MODEL,
        format_func=lambda id: titles.get(id, id),
        persist_state="session",
    )
    spec = registry.get(model_id)
    return registry.format_of(spec), spec


def _conversation(texts: Texts) -> Conversation:
    question = st.text_area(
        texts.models["question"],
        value=texts.models["question_example"],
        key=models.QUESTION,
        height=90,
        persist_state="session",
    )
    text = st.text_area(
        texts.models["input"],
        key=models.INPUT,
        height=90,
        help=texts.models["input_help"],
        persist_state="session",
    )
    system = st.text_area(
        texts.models["system"],
        key=models.SYSTEM,
        height=90,
        help=texts.models["system_help"],
        persist_state="session",
    )
    return Conversation.ask(question, text, system)


def _thinking(spec: ModelSpec | None, texts: Texts) -> bool | None:
    if spec is None or spec.thinking != "switch":
        return None
    return st.segmented_control(
        texts.models["thinking_now"],
        [True, False],
        key=models.THINKING,
        format_func=lambda one: texts.models["thinking_on" if one else "thinking_off"],
        help=texts.models["thinking_now_help"],
    )


def _show(
    registry: Registry,
    format: PromptFormat,
    spec: ModelSpec | None,
    conversation: Conversation,
    thinking: bool | None,
    texts: Texts,
) -> None:
    stops = (*format.stop_strings, *(spec.stop_strings if spec else ()))
    if format.kind == "template":
        rendered_prompt(render(format, conversation), stops, texts)
    elif spec is None:
        st.info(texts.models["chat_needs_model"], icon=":material/chat:")
        messages_only(conversation, stops, texts)
    else:
        _chat(registry, format, spec, conversation, thinking, stops, texts)


def _chat(
    registry: Registry,
    format: PromptFormat,
    spec: ModelSpec,
    conversation: Conversation,
    thinking: bool | None,
    stops: tuple[str, ...],
    texts: Texts,
) -> None:
    folder = tokenizer_folder(registry, spec)
    if folder is not None and folder.is_dir() and not has_template(folder):
        raise BadRequest("model-without-chat-template", model=spec.title)
    if folder is None or not folder.is_dir():
        title = safe_text(spec.title)
        st.info(texts.models["chat_needs_tokenizer"].format(title=title), icon=":material/download:")
        messages_only(conversation, stops, texts)
        return
    with st.spinner(texts.models["reading_tokenizer"]):
        try:
            tokenizer = read_tokenizer(folder)
        except UnreadableTokenizer as error:
            raise BadRequest("tokenizer-unreadable-reason", model=spec.title, reason=error) from None
    rendered_prompt(render(format, conversation, tokenizer, thinking), stops, texts)


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
            st.markdown(f":gray-badge[{message['role']}] {_marked([PromptPiece(message['content'], True)])}")
    stops(stop_strings, texts)


def stops(stop_strings: Sequence[str], texts: Texts) -> None:
    shown = " ".join(f":orange-background[{_visible(stop)}]" for stop in stop_strings)
    st.markdown(f"{texts.models['stops']} {shown or texts.models['no_stops']}")


def format_facts(format: PromptFormat, texts: Texts) -> None:
    native = texts.models[f"turns_{format.multi_turn}"]
    st.caption(f"{safe_text(texts.said(format.title))} · {native}")
    if format.notes:
        st.caption(safe_text(texts.said(format.notes)))
    for reference in format.references:
        mark = "" if reference.sure else f" :orange-badge[{texts.models['unsure']}]"
        what, where = texts.said(reference.what), texts.said(reference.where)
        # Not a caption: it is dimmed, and its badge would be too pale to read.
        st.markdown(f":small[:gray[{safe_text(what)} — {safe_text(where)}]]{mark}")


def _marked(pieces: Iterable[PromptPiece]) -> str:
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
