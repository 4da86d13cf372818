"""The pattern that page-bytes is measured against, as a page: every token draws its whole column again.

Knows: three columns, and the same engine that stands behind the compare page.
Refuses to know: what it costs. Run by page_stage.py.
"""

from __future__ import annotations

import time

import streamlit as st

from dashboard.resources import services
from engines.base import AnswerRequest, GenerationSettings, LiveAnswer
from prompts.conversation import Conversation

question = st.chat_input("", key="peer_question")
if question:
    settings = GenerationSettings(max_new_tokens=4096)
    lives = [LiveAnswer(f"peer-{at}") for at in range(3)]
    places = [column.empty() for column in st.columns(3)]
    for live in lives:
        services().engine.submit(AnswerRequest(live.model_id, Conversation.ask(question), settings), live)
    drawn = [""] * 3
    while not all(live.ended for live in lives) or drawn != [live.view().text for live in lives]:
        for at, live in enumerate(lives):
            if (text := live.view().text) != drawn[at]:
                places[at].text(text)
                drawn[at] = text
        time.sleep(0.001)
    st.button("", key="peer_ended")
