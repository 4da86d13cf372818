"""Long answers and long conversations on the pages: the beginning at first, the rest on demand.

Run: python -m pytest tests/app/test_long_pages.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.page_conversation import fill, markdown, question
from dashboard.session.owner import owner_of_browser
from tests.app.opened_pages import OWNER, ask, open_services, opened, run_id, run_until, texts
from tests.engines.scripted_engine import Script, ScriptedEngine

LONG, LENGTH = markdown(15_000), "15,000"
MODELS = ["demo-koalpaca", "demo-kullm"]
LAST = LONG.splitlines()[-1]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    scripts = {
        "demo-koalpaca": Script(pieces=(LONG,)),
        "demo-kullm": Script(pieces=(LONG.replace("둘을", "셋을"),)),
        "demo-chat": Script(pieces=("나란히 놓고 보면 보입니다. " * 20,) * 40, seconds_per_piece=0.05),
    }
    with open_services(monkeypatch, tmp_path, scripts) as made:
        yield made


def drawn(page: AppTest) -> str:
    """What came of answers, without the text that is opened to be copied."""
    texts(page)
    return "\n".join(str(each.value) for each in (*page.markdown, *page.text))


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def test_a_long_answer_shows_its_beginning_and_the_whole_on_demand(engine: ScriptedEngine) -> None:
    page = ask(opened(), models=MODELS)
    run_until(page, "정상 종료")
    page.run()
    whole = f"전체 보기 · {LENGTH}자"
    assert labels(page).count(whole) == 2 and len(drawn(page)) < 8_000
    page.button(key=f"answer_{run_id(page)}_0_1_whole").click().run()
    assert labels(page).count(whole) == 1 and labels(page).count("접기") == 1
    assert 10_000 < len(drawn(page)) < 20_000, "this column alone is whole"
    page.button(key=f"answer_{run_id(page)}_0_1_whole").click().run()
    assert labels(page).count(whole) == 2 and len(drawn(page)) < 8_000


def test_what_is_copied_is_whole(engine: ScriptedEngine) -> None:
    page = ask(opened(), models=MODELS[:1])
    run_until(page, "정상 종료")
    for opened_part in ("more", "copy"):
        page.session_state[f"answer_{run_id(page)}_0_{opened_part}"] = True
    page.run()
    assert LONG.strip() in [code.value.strip() for code in page.code]


def test_a_long_difference_is_folded_too_and_tells_of_the_whole(engine: ScriptedEngine) -> None:
    page = ask(opened(), models=MODELS)
    run_until(page, "정상 종료")
    page.button(key=f"answer_{run_id(page)}_0_baseline").click().run()
    marked = [text.value for text in page.markdown if "red-background" in text.value]
    assert len(marked) == 1 and len(marked[0]) < 5_000
    assert "같은 단어" in texts(page)
    page.button(key=f"answer_{run_id(page)}_1_1_whole").click().run()
    (unfolded,) = [text.value for text in page.markdown if "red-background" in text.value]
    assert len(unfolded) > 15_000 and unfolded.startswith(marked[0][:1_500])


def test_earlier_turns_are_a_line_each_until_they_are_opened(engine: ScriptedEngine, tmp_path: Path) -> None:
    fill(tmp_path, owner_of_browser(OWNER), 3, MODELS, LONG)
    page = opened(run="turn-3")
    folded = {each.label: each for each in page.expander if "질문입니다" in each.label}
    assert [label.replace("\\", "") for label in folded] == [question(1), question(2)]
    assert len(drawn(page)) < 10_000 and "0째 부분" in texts(page), (
        "the first line of each answer stands there"
    )
    page.session_state["turn_turn-1"] = True
    page.run()
    assert question(1) in [text.value for text in page.text], "it is drawn as any turn is"
    assert len([key for key in labels(page) if LENGTH in key]) == 4


def test_short_earlier_turns_stand_there_whole(engine: ScriptedEngine, tmp_path: Path) -> None:
    fill(tmp_path, owner_of_browser(OWNER), 3, MODELS, "짧은 답입니다.")
    page = opened(run="turn-3")
    assert [text.value for text in page.text] == [question(1), question(2), question(3)]
    assert drawn(page).count("짧은 답입니다") == 6


def test_an_entry_of_the_history_is_folded_as_well(engine: ScriptedEngine, tmp_path: Path) -> None:
    fill(tmp_path, owner_of_browser(OWNER), 1, MODELS, LONG)
    page = opened("history_entry", open="turn-1")
    assert labels(page).count(f"전체 보기 · {LENGTH}자") == 2 and len(drawn(page)) < 8_000


def test_a_growing_answer_stands_in_pieces_of_which_only_the_last_is_sent_again(
    engine: ScriptedEngine,
) -> None:
    page = ask(opened(), models=["demo-chat"])
    most = 0
    while "정상 종료" not in texts(page):
        pieces = [text.value for text in page.text][1:]
        assert max(map(len, pieces)) <= 2_400
        assert ("나란히놓고보면보입니다." * 1_000).startswith("".join("".join(pieces).split()))
        most = max(most, len(pieces))
        page.run()
    assert most > 2, "it was long enough to tell"
