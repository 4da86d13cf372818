"""The page that asks: models on the left, the question below, one column a model.

Knows: the order of things on the page.
Refuses to know: how answers come about; it starts a run and draws what the run holds.
"""

from __future__ import annotations

import streamlit as st

from dashboard import comparing, sending
from dashboard.components.asking_settings import asking_settings
from dashboard.components.model_picker import model_picker
from dashboard.components.question_box import question_box, sent
from dashboard.errors import show_error
from dashboard.model_choices import model_choices
from dashboard.resources import services
from dashboard.session import compare
from dashboard.words import words


def page() -> None:
    said, shared = words(), services()
    sending.follow(shared)
    comparing.pick_defaults(shared)
    picked = comparing.still_there(compare.picked() or (), shared)
    with st.sidebar:
        top = st.container()
        how = asking_settings(sorted(shared.registry.formats.by_id), comparing.default_wish(), said)
    turns = comparing.turns(shared)
    typed = sent(can_go_on=bool(turns))
    sent_now = None if typed is None else sending.question(typed, how, picked)
    refused = sending.send(sent_now, turns, shared)
    if compare.run_id() != (turns[-1].run_id if turns else None):
        turns = comparing.turns(shared)
    with st.sidebar:
        choices = model_choices(shared.registry, shared.memory, compare.quantisations())
        model_picker(choices, picked, top, said)
    if turns:
        comparing.draw_turns(turns, shared, said)
    else:
        comparing.say_how_to_begin(picked, shared, said)
    if refused is not None:
        show_error(refused, said)
    comparing.draw_unsent(said)
    question_box(bool(turns), bool(turns) and not turns[-1].ended, said)


page()
