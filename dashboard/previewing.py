"""What the page shows of prompt formats: the prompt that a question becomes, or why it cannot be shown.

Knows: whose tokenizer a chat format needs, and when it is not on this machine.
Refuses to know: how prompts are made and drawn.
"""

from __future__ import annotations

import streamlit as st

from dashboard.components.format_preview import format_facts, messages_only, rendered_prompt
from dashboard.components.safe_text import safe_text
from dashboard.errors import show_error
from dashboard.model_choices import told_apart
from dashboard.session import models
from dashboard.words import Words
from errors import BadRequest, NaraniError
from model_registry.chat_tokenizer import UnreadableTokenizer, has_template, read_tokenizer, tokenizer_folder
from model_registry.registry import Registry
from model_registry.spec import ModelSpec
from prompts.conversation import Conversation
from prompts.format import PromptFormat
from prompts.rendering import render


def formats(registry: Registry, said: Words) -> None:
    asking, prompt = st.columns([2, 3], gap="large")
    with asking:
        format, spec = _whose(registry, said)
        conversation = _conversation(said)
        thinking = _thinking(spec, said)
    with prompt:
        try:
            _show(registry, format, spec, conversation, thinking, said)
        except NaraniError as error:
            show_error(error, said)
        format_facts(format, said)


def _whose(registry: Registry, said: Words) -> tuple[PromptFormat, ModelSpec | None]:
    by_model = st.segmented_control(
        said.models["format_of"],
        [True, False],
        default=True,
        required=True,
        key=models.FORMAT_OF,
        format_func=lambda one: said.models["of_model" if one else "of_format"],
        persist_state="session",
    )
    if not by_model:
        names = sorted(registry.formats.by_id)
        name = st.selectbox(
            said.models["of_format"],
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
        said.models["of_model"],
        ids,
        key=models.FORMAT_MODEL,
        format_func=lambda id: titles.get(id, id),
        persist_state="session",
    )
    spec = registry.get(model_id)
    return registry.format_of(spec), spec


def _conversation(said: Words) -> Conversation:
    question = st.text_area(
        said.models["question"],
        value=said.models["question_example"],
        key=models.QUESTION,
        height=90,
        persist_state="session",
    )
    text = st.text_area(
        said.models["input"],
        key=models.INPUT,
        height=90,
        help=said.models["input_help"],
        persist_state="session",
    )
    system = st.text_area(
        said.models["system"],
        key=models.SYSTEM,
        height=90,
        help=said.models["system_help"],
        persist_state="session",
    )
    return Conversation.ask(question, text, system)


def _thinking(spec: ModelSpec | None, said: Words) -> bool | None:
    if spec is None or spec.thinking != "switch":
        return None
    return st.segmented_control(
        said.models["thinking_now"],
        [True, False],
        key=models.THINKING,
        format_func=lambda one: said.models["thinking_on" if one else "thinking_off"],
        help=said.models["thinking_now_help"],
    )


def _show(
    registry: Registry,
    format: PromptFormat,
    spec: ModelSpec | None,
    conversation: Conversation,
    thinking: bool | None,
    said: Words,
) -> None:
    stops = (*format.stop_strings, *(spec.stop_strings if spec else ()))
    if format.kind == "template":
        rendered_prompt(render(format, conversation), stops, said)
    elif spec is None:
        st.info(said.models["chat_needs_model"], icon=":material/chat:")
        messages_only(conversation, stops, said)
    else:
        _chat(registry, format, spec, conversation, thinking, stops, said)


def _chat(
    registry: Registry,
    format: PromptFormat,
    spec: ModelSpec,
    conversation: Conversation,
    thinking: bool | None,
    stops: tuple[str, ...],
    said: Words,
) -> None:
    folder = tokenizer_folder(registry, spec)
    if folder is not None and folder.is_dir() and not has_template(folder):
        raise BadRequest(f"{spec.title} has no chat template. Choose another format for it.")
    if folder is None or not folder.is_dir():
        title = safe_text(spec.title)
        st.info(said.models["chat_needs_tokenizer"].format(title=title), icon=":material/download:")
        messages_only(conversation, stops, said)
        return
    with st.spinner(said.models["reading_tokenizer"]):
        try:
            tokenizer = read_tokenizer(folder)
        except UnreadableTokenizer as error:
            raise BadRequest(f"The tokenizer of {spec.title} cannot be read ({error}).") from None
    rendered_prompt(render(format, conversation, tokenizer, thinking), stops, said)
