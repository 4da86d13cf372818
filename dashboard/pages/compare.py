"""The page that asks: models on the left, the question below, one column a model.

What was sent is asked before anything is drawn, so one drawing shows the answers beginning.
"""

from __future__ import annotations

import streamlit as st

from dashboard.compare import comparing, sending
from dashboard.compare.asking_settings import asking_settings
from dashboard.compare.question_box import question_box, sent
from dashboard.errors import show_error
from dashboard.resources import services
from dashboard.session import compare
from dashboard.shared.model_choices import distinct_titles, model_choices
from dashboard.shared.model_picker import model_picker
from dashboard.shared.thinking import switching_thinking
from dashboard.shared.typed_questions import unsent_questions
from dashboard.texts import read_chosen


def page() -> None:
    texts, shared = read_chosen(), services()
    sending.follow(shared)
    comparing.pick_defaults(shared)
    picked = comparing.still_there(compare.MODELS.picked() or (), shared)
    with st.sidebar:
        top = st.container()
        formats, scorers = (
            sorted(shared.registry.formats.by_id),
            distinct_titles(shared.registry.reward_models),
        )
        switching = switching_thinking(picked, shared.registry.answerers)
        how = asking_settings(formats, scorers, switching, comparing.default_choice(), texts)
    turns = comparing.turns(shared)
    typed = sent(can_go_on=bool(turns))
    sent_now = None if typed is None else sending.question(typed, how, picked, turns)
    refused = sending.send(sent_now, turns, shared)
    if compare.run_id() != (turns[-1].run_id if turns else None):
        turns = comparing.turns(shared)
    with st.sidebar:
        choices = model_choices(shared.registry, shared.memory, compare.MODELS.quantizations())
        with top:
            model_picker(choices, picked, compare.MODELS, texts)
    if turns:
        comparing.draw_turns(turns, shared, texts)
    else:
        comparing.say_how_to_begin(picked, shared, texts)
    if refused is not None:
        show_error(refused, texts)
    unsent_questions(compare.TYPED, texts)
    waits = bool(turns) and not turns[-1].ended
    question_box(bool(turns), waits, comparing.going_on_from(turns, shared, texts), texts)


page()
