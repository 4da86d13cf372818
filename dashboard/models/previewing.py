"""What the page shows of prompt formats: the prompt that a question becomes, or why it cannot be shown.

Knows: whose tokenizer a chat format needs, and when it is not on this machine.
Refuses to know: how prompts are made and drawn.
"""

from __future__ import annotations

import streamlit as st

from dashboard.errors import show_error
from dashboard.models.format_preview import format_facts, messages_only, rendered_prompt
from dashboard.session import models
from dashboard.shared.model_choices import told_apart
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from errors import BadRequest, NaraniError
from model_registry.chat_tokenizer import UnreadableTokenizer, has_template, read_tokenizer, tokenizer_folder
from model_registry.registry import Registry
from model_registry.spec import ModelSpec
from prompts.conversation import Conversation
from prompts.format import PromptFormat
from prompts.rendering import render


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
            format_func=lambda one: f"{one} · {registry.formats.get(one).title}",
            persist_state="session",
        )
        return registry.formats.get(name), None
    ids = sorted(registry.models, key=lambda id: (not registry.models[id].demo, registry.models[id].title))
    titles = told_apart(registry.models)
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
        raise BadRequest(f"{spec.title} has no chat template. Choose another format for it.")
    if folder is None or not folder.is_dir():
        title = safe_text(spec.title)
        st.info(texts.models["chat_needs_tokenizer"].format(title=title), icon=":material/download:")
        messages_only(conversation, stops, texts)
        return
    with st.spinner(texts.models["reading_tokenizer"]):
        try:
            tokenizer = read_tokenizer(folder)
        except UnreadableTokenizer as error:
            raise BadRequest(f"The tokenizer of {spec.title} cannot be read ({error}).") from None
    rendered_prompt(render(format, conversation, tokenizer, thinking), stops, texts)
