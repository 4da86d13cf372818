"""An answer and its difference from a baseline, drawn without a browser in each state they have.

Run: python -m pytest tests/app/test_answer_components.py
"""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element


def answer(text: str) -> None:
    from dashboard.shared.answer_text import answer_text
    from dashboard.texts import read_chosen

    answer_text(text, read_chosen())


def difference(baseline: str, other: str) -> None:
    from dashboard.shared.answer_text import word_difference
    from dashboard.texts import read_chosen

    word_difference(baseline, other, read_chosen())


def drawn(page: AppTest) -> list[tuple[str, str]]:
    page.run()
    assert not page.exception
    elements = [element for element in page.main if isinstance(element, Element)]
    return [(element.type, str(element.value)) for element in elements]


def question_and_sources() -> None:
    import datetime

    import streamlit as st

    from comparison.run import RunColumn
    from comparison.turns import _turn, picture_of_column
    from dashboard.shared.turn import turn_view
    from dashboard.texts import read_chosen
    from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, LiveAnswer
    from prompts.conversation import Conversation

    half = "반\ud83c쪽"
    request = AnswerRequest("m", Conversation.ask(half, half, half))
    live = LiveAnswer("m")
    answer = Answer("m", half, FinishReason.EOS, GenerationSettings(), prompt=half, format_id=half)
    live.finish(answer)
    column = picture_of_column(RunColumn(0, request, live))
    for name in ("more", "copy", "prompt"):
        st.session_state[f"answer_run_0_{name}"] = True
    turn_view(
        _turn("run", datetime.datetime.now(datetime.UTC), (request,), (column,)), {"m": half}, read_chosen()
    )


def figures() -> None:
    from comparison.run import RunColumn
    from comparison.turns import picture_of_column
    from dashboard.shared.answer_column import ended_figures
    from dashboard.texts import read_chosen
    from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, LiveAnswer, Measures
    from prompts.conversation import Conversation

    live = LiveAnswer("m")
    measures = Measures(
        tokens_out=8, seconds_to_first_text=0.15, tokens_per_second=11, characters_per_second=22
    )
    live.finish(Answer("m", "서울", FinishReason.EOS, GenerationSettings(), measures=measures))
    ended_figures(
        picture_of_column(RunColumn(0, AnswerRequest("m", Conversation.ask("?")), live)), read_chosen()
    )


def switch(models: tuple[str, ...]) -> None:
    import streamlit as st

    from dashboard.shared.thinking import thinking_choice
    from dashboard.texts import read_chosen

    st.code(str(thinking_choice("switch", models, read_chosen())))


def test_thinking_is_switched_for_the_models_that_know_it() -> None:
    page = AppTest.from_function(switch, args=(("a", "b"),)).run()
    control = page.segmented_control(key="switch")
    assert control.value == "" and not control.disabled and page.code[0].value == "{}"
    assert control.set_value("off").run().code[0].value == "{'a': False, 'b': False}"
    assert control.set_value("on").run().code[0].value == "{'a': True, 'b': True}"
    page = AppTest.from_function(switch, args=((),)).run()
    control = page.segmented_control(key="switch")
    assert control.disabled and "없습니다" in control.help and page.code[0].value == "{}"


def test_no_line_ends_between_a_number_and_its_unit() -> None:
    shown = drawn(AppTest.from_function(figures))[-1][1]
    assert "8\N{NO-BREAK SPACE}토큰" in shown and "22\N{NO-BREAK SPACE}글자/초" in shown
    assert " ·" not in shown, "no line begins with the dot"
    assert "0.15초(대기\N{NO-BREAK SPACE}포함)" in shown, "an answer from before waiting was measured"


def test_waiting_stands_beside_the_models_own_time() -> None:
    page = AppTest.from_function(times)
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for _, text in drawn(page)] == [
        "정상 종료 · 첫 토큰 0.30초 · 대기 4.9초",
        "정상 종료 · 첫 토큰 0.30초 · 불러오기 4.0초",
    ]


def times() -> None:
    from dashboard.shared.column_figures import figures_line
    from dashboard.texts import read_chosen
    from engines.base import Answer, FinishReason, GenerationSettings, Measures

    for whole, waited in ((5.2, 4.9), (4.31, 0.01)):
        measures = Measures(
            seconds_to_first_text=whole, waiting_seconds=waited, own_seconds_to_first_text=0.3
        )
        figures_line(
            Answer("m", "", FinishReason.EOS, GenerationSettings(), measures=measures), read_chosen()
        )


def test_half_a_character_is_sent_to_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the question, its input and its system text, nor in what the popovers show once opened."""
    shown = drawn(AppTest.from_function(question_and_sources))
    texts = [text for _, text in shown if "반" in text]
    assert len(texts) >= 5 and all("반\ufffd쪽" in text for text in texts)
    assert not any("\ud800" <= letter <= "\udfff" for _, text in shown for letter in text)


ANSWERS = [
    ("", [("caption", "답에 글자가 없습니다.")]),
    ("\n\n \n", [("caption", "답이 빈칸과 줄바꿈뿐입니다.")]),
    ("가\n나", [("markdown", "가\\\n나")]),
    ("가\n```py\nx = 1\n```\n나", [("markdown", "가"), ("code", "x = 1"), ("markdown", "나")]),
    ("> " * 50 + "끝", [("text", "> " * 50 + "끝")]),
]


@pytest.mark.parametrize(("text", "expected"), ANSWERS)
def test_an_answer_in_each_of_its_forms(text: str, expected: list[tuple[str, str]]) -> None:
    assert drawn(AppTest.from_function(answer, args=(text,))) == expected


LEGEND = ":red-background[~~기준에만 있는 말~~] · :green-background[**이 답에만 있는 말**]"
DIFFERENCES = [
    ("가", "가", [("caption", "기준 답과 같습니다."), ("markdown", "가")]),
    (
        "수도는 서울.",
        "수도는 부산.",
        [
            ("caption", "같은 단어 50%"),
            ("markdown", "수도는 :red-background[~~서울~~]:green-background[**부산**]\\."),
        ],
    ),
    (
        "가 나",
        "가\n나",
        [
            ("caption", "띄어쓰기와 줄바꿈만 기준 답과 다릅니다."),
            ("markdown", "가:red-background[~~␣~~]:green-background[**↵**]\\\n나"),
        ],
    ),
    (
        " ".join(f"가{n} 나{n}" for n in range(1100)),
        " ".join(f"가{n} 다{n}" for n in range(1100)),
        [("caption", "기준 답과 다른 곳이 너무 많아 답만 보여 드립니다."), ("text", None)],
    ),
    (
        "가 나 다 라 마 바",
        "**가**" + " 하" * 9,  # 2 of 16 words
        [
            ("caption", "기준 답과 다른 곳이 너무 많아 답만 보여 드립니다."),
            ("markdown", "**가**" + " 하" * 9),
        ],
    ),
]


@pytest.mark.parametrize(
    ("baseline", "other", "expected"), DIFFERENCES, ids=["same", "words", "spaces", "all", "strangers"]
)
def test_a_difference_in_each_of_its_forms(
    baseline: str, other: str, expected: list[tuple[str, str | None]]
) -> None:
    found = drawn(AppTest.from_function(difference, args=(baseline, other)))
    assert found == [(kind, other if text is None else text) for kind, text in expected]


def legend(baseline: str | None, others: list[str]) -> None:
    from dashboard.shared.answer_text import difference_legend
    from dashboard.texts import read_chosen

    difference_legend(baseline, others, read_chosen())


@pytest.mark.parametrize(
    ("baseline", "others", "expected"),
    [
        ("수도는 서울.", ["수도는 부산.", "수도는 대구."], [("caption", LEGEND)]),
        ("수도는 서울.", ["수도는 서울."], []),
        ("수도는 서울.", ["모르겠어요", ""], []),
        (None, ["수도는 부산."], []),
    ],
    ids=["marks", "same", "strangers", "no baseline"],
)
def test_the_legend_stands_once_and_only_over_marks(
    baseline: str | None, others: list[str], expected: list[tuple[str, str]]
) -> None:
    assert drawn(AppTest.from_function(legend, args=(baseline, others))) == expected


def asked_of_two(other_temperature: float) -> None:
    import datetime

    from comparison.presets import Preset
    from comparison.run import RunColumn
    from comparison.turns import _turn, picture_of_column
    from dashboard.shared.turn import turn_view
    from dashboard.texts import read_chosen
    from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, LiveAnswer
    from prompts.conversation import Conversation

    columns = []
    for position, temperature in enumerate((0.7, other_temperature)):
        settings = GenerationSettings(temperature, 0.9, seed=42, max_new_tokens=128)
        request = AnswerRequest("ab"[position], Conversation.ask("?", system="짧게|답"), settings)
        live = LiveAnswer(request.model_id)
        live.finish(Answer(request.model_id, "답", FinishReason.EOS, settings, format_id="koalpaca"))
        columns.append(picture_of_column(RunColumn(position, request, live)))
    turn = _turn("run", datetime.datetime.now(datetime.UTC), (columns[0].request,), tuple(columns))
    titles = {"a": "가|*나*", "b": "다"}
    turn_view(turn, titles, read_chosen(), preset=lambda turn: Preset.CUSTOM)


def test_how_it_was_asked_stands_below_the_question_and_what_differs_in_the_heads() -> None:
    same = AppTest.from_function(asked_of_two, args=(0.7,))
    shown = drawn(same)
    assert ("caption", "직접\xa0· 온도\xa00.7\xa0· top-p\xa00.9\xa0· 시드\xa042") in shown
    assert not any("gray-badge" in text for _, text in shown)
    other = AppTest.from_function(asked_of_two, args=(1.0,))
    shown = drawn(other)
    assert ("caption", "직접\xa0· top-p\xa00.9\xa0· 시드\xa042") in shown, "what differs is not said of all"
    assert [text for _, text in shown if "gray-badge" in text] == [
        ":gray-badge[온도 0.7]",
        ":gray-badge[온도 1]",
    ]


def test_all_settings_are_sent_once_they_are_opened() -> None:
    page = AppTest.from_function(asked_of_two, args=(1.0,))
    assert not any("koalpaca" in text for _, text in drawn(page))
    page.session_state["asked_run"] = True
    common, apart = (text for kind, text in drawn(page) if kind == "markdown" and text.startswith("| "))
    for said in (
        "| 반복 페널티 | 1 |",
        "| 답의 최대 토큰 | 128 |",
        "| 프롬프트 형식 | koalpaca |",
        "| 완전 재현 | 끔 |",
    ):
        assert said in common
    assert apart.splitlines()[0] == "|  | 온도 |"
    assert apart.splitlines()[2:] == ["| 가\\|\\*나\\* | 0\\.7 |", "| 다 | 1 |"]
    assert "짧게|답" in [code.value for code in page.code]
