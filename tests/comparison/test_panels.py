"""Panels: borders hold whatever is written in them. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import io
import unicodedata

import pytest
from rich.console import Console

from comparison.run import start
from comparison.terminal.panels import describe, frame, plain, printable, show
from comparison.terminal.progress import describe_time
from engines.base import Answer, FinishReason, GenerationSettings, LiveView, Measures, State
from errors import AS_WRITTEN, Cause
from prompts.conversation import Conversation
from tests.comparison.made_requests import requests_for
from tests.engines.scripted_engine import Script, ScriptedEngine

MEASURES = Measures(load_seconds=2.04, seconds_to_first_text=0.81, tokens_out=42, tokens_per_second=31.24)
KOREAN = "가나다라마바사 아자차카타파하, 한글은 두 칸입니다. " * 6
TEXTS = {
    "korean": KOREAN,
    "decomposed": unicodedata.normalize("NFD", KOREAN),
    "mixed": "abc 가 " * 40,
    "one word": "가" * 200,
    "newlines": "\n\n\n줄\n\n" * 9,
    "control": "\x1b[31m빨강\x1b[0m\r\x07\x9b2J\u202e뒤집기",
    "markup": "[red]빨강[/red] [/] [link=x]",
    "tabs": "가\t나\t다",
    "empty": "",
}


def cells(line: str) -> int:
    """How wide a terminal draws a line: by the Unicode tables, not by the library that is tested."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)


def view(text: str, state: State = State.ANSWERING, error: str | None = None) -> LiveView:
    reason = FinishReason.FAILED if error else FinishReason.EOS
    cause = Cause(AS_WRITTEN, sentence=error) if error else None
    answer = Answer("m", text, reason, GenerationSettings(), measures=MEASURES, cause=cause)
    return LiveView(
        "demo-kullm", state, text, None, "", MEASURES, None if state is State.ANSWERING else answer
    )


def drawn(views: list[LiveView], width: int, height: int | None = None) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=24)
    console.print(frame(views, console, height))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [40, 80, 121, 200])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_borders_stand_in_line(text: str, width: int) -> None:
    lines = drawn(
        [view(text), view("짧게", State.DONE), view(text, State.FAILED, error="안 됩니다. " * 20)], width
    )
    in_a_row = min(3, max(1, width // 38))
    full = width // in_a_row * in_a_row
    assert {cells(line) for line in lines} <= {full}
    assert not any(unicodedata.category(character) in ("Cc", "Cf") for line in lines for character in line)


@pytest.mark.parametrize(("width", "side_by_side"), [(30, 1), (79, 2), (160, 4)])
def test_panels_wrap_where_the_terminal_is_narrow(width: int, side_by_side: int) -> None:
    assert drawn([view("가")] * 4, width)[0].count("╭") == side_by_side


def test_within_a_height_the_end_of_a_long_text_is_shown() -> None:
    lines = drawn([view("\n".join(f"줄 {at}" for at in range(100)))] * 2, 80, height=10)
    assert len(lines) == 10
    assert "줄 99" in "".join(lines) and "줄 1 " not in "".join(lines)


def test_the_whole_answer_stands_at_the_end() -> None:
    text = "\n".join(f"줄 {at}" for at in range(100))
    assert all(f"줄 {at}" in "".join(drawn([view(text, State.DONE)], 80)) for at in range(100))


def test_states_figures_and_faults_are_told() -> None:
    loading = LiveView("m", State.LOADING, "", 0.4, "reading weights", Measures(), None)
    screen = "\n".join(drawn([loading, view("가", State.DONE), view("", State.FAILED, "안 됩니다.")], 240))
    assert "m · loading" in screen and "reading weights 40%" in screen
    assert "eos · 42 tokens · 31.2 tokens/s · first text after 0.8 s · loaded in 2.0 s" in screen
    assert "demo-kullm · failed" in screen and "안 됩니다." in screen


def test_show_draws_while_it_runs_and_leaves_the_answers() -> None:
    engine = ScriptedEngine(default=Script(pieces=("한 ", "번 ", "더"), seconds_per_piece=0.05))
    run = start(engine, requests_for(Conversation.ask("왜?"), ["a", "b"], GenerationSettings()))
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    ticks = (None for _ in iter(lambda: run.wait(0.02), True))
    show(run, console, ticks)
    engine.close()
    screen = console.file.getvalue()  # type: ignore[attr-defined]
    assert screen.count("a · answering") >= 2
    assert "한 번 더" in screen[screen.rindex("a · done") :]
    assert plain(run).startswith("a\n한 번 더\n(eos · 3 tokens")


def test_what_was_not_measured_is_left_out() -> None:
    assert describe(Measures(tokens_out=3)) == "3 tokens"
    assert [describe_time(seconds) for seconds in (0, 59.6, 187, 7387)] == ["0:00", "1:00", "3:07", "2:03:07"]


def test_printable_text_keeps_its_lines() -> None:
    assert printable("가\n\t나\x00") == "가\n    나\ufffd"


def test_waiting_is_told_apart_where_it_was_measured() -> None:
    apart = Measures(
        tokens_out=4, seconds_to_first_text=5.2, own_seconds_to_first_text=0.3, waiting_seconds=4.9
    )
    assert describe(apart) == "4 tokens · first text 0.3 s · waited 4.9 s"
    assert describe(Measures(tokens_out=4, seconds_to_first_text=5.2)) == "4 tokens · first text after 5.2 s"
