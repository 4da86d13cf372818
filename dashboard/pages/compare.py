"""The page that asks: models on the left, the question below, one column a model.

Knows: the order of things on the page.
Refuses to know: how answers come about; it starts a run and draws what the run holds.
"""

from __future__ import annotations

import streamlit as st

from dashboard import comparing
from dashboard.components.asking_settings import asking_settings
from dashboard.components.examples import examples
from dashboard.components.model_picker import model_picker
from dashboard.components.question_box import Typed, question_box
from dashboard.model_choices import model_choices
from dashboard.resources import services
from dashboard.session import compare
from dashboard.words import words


def page() -> None:
    said, shared = words(), services()
    comparing.pick_defaults(shared)
    with st.sidebar:
        asking = asking_settings(sorted(shared.registry.formats.by_id), comparing.default_wish(), said)
        picked = comparing.still_there(compare.picked() or (), shared)
        model_picker(model_choices(shared.registry, shared.memory, compare.quantisations()), picked, said)
    turns = comparing.turns(shared)
    clicked = None
    if turns:
        comparing.draw_turns(turns, shared, said)
    else:
        comparing.say_where_it_went(said)
        toys = comparing.with_toys(shared, picked)
        clicked = examples(comparing.examples(shared, picked), said, enabled=bool(picked), toys=toys)
    typed = question_box(bool(turns) and turns[-1].ended, said)
    if clicked:
        typed = Typed(clicked, "", goes_on=False)
    if typed is not None:
        comparing.ask(typed, asking, picked, turns, shared, said)


page()
