"""What pages that ask models remember alike: the models picked, what was typed and is not asked yet."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.session.settings import MOST_MODELS


@dataclass(frozen=True)
class PickedModels:
    """The models that a page asks, and their quantizations; its keys begin with the page's name."""

    page: str

    @property
    def search_key(self) -> str:
        return f"{self.page}_search"

    def pick_key(self, model_id: str) -> str:
        return f"{self.page}_pick_{model_id}"

    def tick_key(self, model_id: str) -> str:
        """Of its box in the list. A value set under the key of a box that stands is lost where the run that
        sets it is cut short, and the browser then tells the old one, as if somebody had changed it: a box
        that is to be ticked otherwise is another box, which begins as it has to be."""
        return f"{self.page}_tick_{st.session_state.get(f'{self.page}_ticks', 0)}_{model_id}"

    def renew_ticks(self) -> None:
        st.session_state[f"{self.page}_ticks"] = st.session_state.get(f"{self.page}_ticks", 0) + 1

    def remove_key(self, model_id: str) -> str:
        return f"{self.page}_remove_{model_id}"

    @property
    def rows_key(self) -> str:
        return f"{self.page}_picked_models"

    @property
    def list_key(self) -> str:
        return f"{self.page}_list"

    @property
    def only_key(self) -> str:
        return f"{self.page}_only"

    @property
    def family_key(self) -> str:
        return f"{self.page}_family"

    def quantization_key(self, model_id: str) -> str:
        return f"{self.page}_quantization_{model_id}"

    def picked(self) -> tuple[str, ...] | None:
        """The models in the order picked; None before anybody picked."""
        value = st.session_state.get(f"{self.page}_picked")
        return None if value is None else tuple(value)

    def set_picked(self, models: Sequence[str]) -> None:
        st.session_state[f"{self.page}_picked"] = list(models)

    def forget_picked(self) -> None:
        """So that those which the run in the address was asked of are picked anew, and as they were asked."""
        st.session_state.pop(f"{self.page}_picked", None)
        st.session_state.pop(f"{self.page}_quantizations", None)

    def quantizations(self) -> dict[str, str]:
        """What was picked for some models; the others take their entry's default."""
        return dict(st.session_state.get(f"{self.page}_quantizations", {}))

    def set_quantization(self, model_id: str, quantization: str) -> None:
        now = {**self.quantizations(), model_id: quantization}
        st.session_state[f"{self.page}_quantizations"] = now

    def pick(self, model_id: str, on: bool) -> None:
        picked = self.picked() or ()
        if on == (model_id in picked):  # told again: it keeps its place
            return
        others = [each for each in picked if each != model_id]
        self.set_picked([*others, model_id][:MOST_MODELS] if on else others)


@dataclass(frozen=True)
class TypedQuestions:
    """What was typed on a page: sent and not taken up yet, clicked of the examples, or not asked."""

    page: str

    @property
    def box_key(self) -> str:
        return f"{self.page}_question"

    def send_question(self) -> None:
        """What the box calls. Its value alone would not do: Streamlit tells it again after a run of the page
        that was cut short, and the question would be asked twice."""
        st.session_state[f"{self.page}_sent_question"] = st.session_state[self.box_key]

    def sent_question(self) -> str:
        """What was sent from the box at the foot of the page, known before the box is drawn. Told once."""
        return str(st.session_state.pop(f"{self.page}_sent_question", None) or "")

    def click_example(self, question: str) -> None:
        st.session_state[f"{self.page}_clicked_example"] = question

    def clicked_example(self) -> str:
        """Told once."""
        return str(st.session_state.pop(f"{self.page}_clicked_example", ""))

    def unsent(self) -> dict[str, tuple[str, str]]:
        """Questions with their inputs that were typed and not asked, each under an id of its own."""
        kept = st.session_state.get(f"{self.page}_unsent", {})
        return {id: (text, input) for id, (text, input) in kept.items()}

    def keep_unsent(self, text: str, input: str = "") -> None:
        self.drop_unsent(text, input)
        self._set({**self.unsent(), secrets.token_urlsafe(6): (text, input)})

    def drop_unsent(self, text: str, input: str = "") -> None:
        """It was sent after all."""
        self._set({id: each for id, each in self.unsent().items() if each != (text, input)})

    def discard_unsent(self, id: str) -> None:
        self._set({other: each for other, each in self.unsent().items() if other != id})

    def _set(self, unsent: dict[str, tuple[str, str]]) -> None:
        st.session_state[f"{self.page}_unsent"] = unsent
