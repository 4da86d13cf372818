"""The page of the search chat: questions answered from sources, by extracts and by models side by side."""

from __future__ import annotations

import streamlit as st

from dashboard.errors import show_error
from dashboard.resources import services
from dashboard.search import chatting
from dashboard.search.settings_form import extractive_toggle, search_form
from dashboard.session import search
from dashboard.session.settings import preferences
from dashboard.shared.model_choices import model_choices
from dashboard.shared.model_picker import model_picker
from dashboard.shared.thinking import switching_thinking
from dashboard.shared.typed_questions import unsent_questions
from dashboard.texts import read_chosen


def page() -> None:
    texts, shared = read_chosen(), services()
    view, turns = chatting.follow(shared), chatting.turns(shared)
    chatting.pick_as_asked(turns, shared)
    there = shared.registry.answerers
    picked = tuple(model for model in search.MODELS.picked() or () if model in there)
    with st.sidebar:
        top = st.container()
        switching = switching_thinking(picked, there)
        form = search_form(shared.search_providers(), shared.settings, preferences(), switching, texts)
    typed = search.TYPED.sent_question() or search.TYPED.clicked_example()
    refused = chatting.send(typed, form, turns, view, shared) if typed else None
    if typed:
        view, turns = chatting.follow(shared), chatting.turns(shared)
    with st.sidebar, top:
        extractive_toggle(form.mode, texts)
        choices = model_choices(shared.registry, shared.memory, search.MODELS.quantizations())
        none_picked = texts.search["no_model_needed" if form.extractive else "pick_first"]
        model_picker(choices, picked, search.MODELS, texts, none_picked)
    if turns or view is not None:
        chatting.draw_top(turns, shared, texts)
    else:
        chatting.say_how_to_begin(form.extractive or bool(picked), shared, texts)
    if turns:
        chatting.draw_turns(turns, view is not None, shared, texts)
    if view is not None:
        chatting.draw_search(view, shared, texts)
    if refused is not None:
        show_error(refused, texts)
    unsent_questions(search.TYPED, texts)
    waits = (view is not None and not view.ended) or bool(turns and not turns[-1].ended)
    hint = "question_waits" if waits else "question_on" if turns else "question"
    st.chat_input(texts.search[hint], key=search.TYPED.box_key, on_submit=search.TYPED.send_question)


page()
