"""A browser's tab without a browser: it opens a page of the dashboard over the real websocket and uses it.

Knows: what Streamlit's front end tells the server and when: reruns, widgets, the ticking of fragments.
Refuses to know: what is on the pages, and what is measured.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.page_picture import Drawn, Picture
from benchmarks.page_wire import Wire
from errors import AS_WRITTEN, NaraniError

_PATIENCE = 20.0


def new_cookie() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Browser:
    """One person's browser: its cookie makes them the same person in every tab."""

    address: str
    """http://127.0.0.1:8501"""
    cookie: str
    locale: str = "ko-KR"
    tabs: list[Tab] = field(default_factory=list, repr=False, compare=False)
    """The connected ones."""

    def headers(self) -> dict[str, str]:
        """As through a proxy: at the machine itself all browsers are one person."""
        return {"Cookie": f"narani_owner={self.cookie}", "X-Forwarded-For": "192.0.2.1"}

    def open(self, page: str = "", query: str = "") -> Tab:
        """A tab whose page has been drawn once."""
        tab = Tab(self, page, query)
        tab.rerun()
        return tab

    def close(self) -> None:
        for tab in list(self.tabs):
            tab.close()


@dataclass(frozen=True)
class Traffic:
    """What came from the server."""

    bytes: int = 0
    messages: int = 0
    texts: int = 0
    """Of the messages those that draw a plain text, as growing answers are."""

    def __sub__(self, before: Traffic) -> Traffic:
        return Traffic(self.bytes - before.bytes, self.messages - before.messages, self.texts - before.texts)


class Tab:
    """One open page. It lives only while it is waited for; in between nothing is read and nothing ticks."""

    def __init__(self, browser: Browser, page: str = "", query: str = "") -> None:
        self.browser, self.page, self.query = browser, page, query
        self.picture, self.traffic = Picture(), Traffic()
        self.session = ""
        self.first_words: float | None = None
        """When the menu, or else the first text, came; by the machine's one clock."""
        self._begun = self._ended = 0
        """Whole runs of the page, not those of fragments: how many began, and which ended last."""
        self._run = ""
        self._kept: dict[str, WidgetState] = {}
        self._ticking: dict[str, tuple[float, float]] = {}
        """Of each fragment its interval and when it is due."""
        self.connect()

    # -- using the page

    def rerun(self) -> None:
        before = self._begun
        self._ask_for_a_run()
        self._until_drawn(before)

    def send(self, key: str, question: str) -> None:
        """Type into a chat box and press Enter."""
        state = self._state(key)
        state.chat_input_value.data = question
        self._use(key, state)

    def click(self, key: str) -> None:
        state = self._state(key)
        state.trigger_value = True
        self._use(key, state)

    def tick_box(self, key: str, on: bool) -> None:
        state = self._state(key)
        state.bool_value = on
        self._kept[state.id] = state
        self._use(key, state)

    def set_number(self, key: str, number: int) -> None:
        state = self._state(key)
        state.int_value = number
        self._kept[state.id] = state
        self._use(key, state)

    def wait(self, until: Callable[[Tab], bool], seconds: float = _PATIENCE) -> None:
        """Go on living until something holds."""
        end = monotonic() + seconds
        while not until(self):
            if monotonic() > end:
                raise NaraniError(AS_WRITTEN, sentence=f"Not within {seconds:g} s. {self._said()}")
            self.live(min(0.05, max(0.0, end - monotonic())))

    def settle(self) -> None:
        """Until the run of the page that began last has ended."""
        self.wait(lambda tab: tab._ended == tab._begun)

    def live(self, seconds: float) -> None:
        """Take at most one message, and let fragments tick that are due."""
        due = min((when for _, when in self._ticking.values()), default=float("inf"))
        message = self._wire.receive(min(seconds, due - monotonic()))
        if message is not None:
            self._take(message)
        now = monotonic()
        for fragment, (interval, when) in list(self._ticking.items()):
            if when <= now:
                self._ticking[fragment] = (interval, now + interval)
                self._ask_for_a_run(fragment=fragment, automatic=True)

    @property
    def faults(self) -> list[str]:
        """What no person should ever see: something broke, or was refused though it was asked rightly."""
        broken = [drawn.what for drawn in self.picture if drawn.kind == "exception"]
        alerts = [drawn.what for drawn in self.picture if drawn.kind == "alert"]
        return [
            *(f"{each.type}: {each.message}" for each in broken),
            *(alert.body for alert in alerts if alert.format == Alert.ERROR),
        ]

    # -- the connection

    def connect(self) -> None:
        """Also again, after it was lost: the session is asked for that was there before."""
        protocols = ("streamlit", "none", self.session) if self.session else ("streamlit",)
        address = self.browser.address.replace("http", "ws", 1) + "/_stcore/stream"
        self._wire = Wire(address, protocols, self.browser.headers())
        self.browser.tabs.append(self)

    def refresh(self) -> Tab:
        """The same address in the same tab: another session, as in a browser."""
        self.close()
        return self.browser.open(self.page, self.query)

    def close(self) -> None:
        self._wire.close()
        self._gone()

    def abort(self) -> None:
        self._wire.abort()
        self._gone()

    def _gone(self) -> None:
        self._ticking.clear()
        if self in self.browser.tabs:
            self.browser.tabs.remove(self)

    # -- the protocol

    def _use(self, key: str, state: WidgetState) -> None:
        before, fragment = self._begun, self._found(key).fragment
        self._ask_for_a_run(state, fragment)
        if not fragment:
            self._until_drawn(before)

    def _found(self, key: str) -> Drawn:
        drawn = self.picture.find(key)
        if drawn is None:
            raise NaraniError(AS_WRITTEN, sentence=f"Nothing is called '{key}'. {self._said()}")
        return drawn

    def _said(self) -> str:
        return f"The page says: {self.faults} {self.picture.words[-1500:]}"

    def _state(self, key: str) -> WidgetState:
        return WidgetState(id=self._found(key).what.id)

    def _until_drawn(self, begun_before: int) -> None:
        self.wait(lambda tab: tab._ended > begun_before)

    def _ask_for_a_run(
        self, used: WidgetState | None = None, fragment: str = "", automatic: bool = False
    ) -> None:
        asked = BackMsg()
        client = asked.rerun_script
        client.query_string, client.page_name = self.query, self.page
        client.fragment_id, client.is_auto_rerun = fragment, automatic
        client.context_info.locale = self.browser.locale
        client.context_info.url = f"{self.browser.address}/{self.page}"
        client.widget_states.widgets.extend(self._kept.values())
        if used is not None and used.id not in self._kept:
            client.widget_states.widgets.append(used)
        self._wire.send(asked.SerializeToString())

    def _take(self, data: bytes) -> None:
        message = ForwardMsg()
        message.ParseFromString(data)
        kind = message.WhichOneof("type")
        is_text = kind == "delta" and message.delta.new_element.HasField("text")
        so_far = self.traffic
        self.traffic = Traffic(so_far.bytes + len(data), so_far.messages + 1, so_far.texts + is_text)
        self._note_first_words(message)
        if kind == "delta":
            self.picture.take(tuple(message.metadata.delta_path), message.delta, self._run)
        elif kind == "new_session":
            self._new_run(message)
        elif kind == "script_finished":
            self._ended_run(message)
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._let_tick(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._ticking.pop(fragment, None)

    def _note_first_words(self, message: ForwardMsg) -> None:
        says = message.HasField("navigation") or message.delta.new_element.HasField("markdown")
        if says and self.first_words is None:
            self.first_words = monotonic()

    def _let_tick(self, fragment: str, interval: float) -> None:
        if fragment not in self._ticking or self._ticking[fragment][0] != interval:
            self._ticking[fragment] = (interval, monotonic() + interval)

    def _new_run(self, message: ForwardMsg) -> None:
        self.session = message.new_session.initialize.session_id
        self._run = message.metadata.run.script_run_id
        if not message.metadata.run.fragment_ids:
            self._ticking.clear()
            self._begun += 1

    def _ended_run(self, message: ForwardMsg) -> None:
        run, how = message.metadata.run, message.script_finished
        if how == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        self.picture.finish(run.script_run_id, frozenset(run.fragment_ids))
        if not run.fragment_ids:
            self._ended = self._begun
