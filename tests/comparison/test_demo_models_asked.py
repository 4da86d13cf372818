"""The commands as typed, over the models that ship. Run: python -m pytest tests/comparison -m slow"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.comparison.answers_read import read_answers
from tests.comparison.scripted_command import StartCommand

MODELS = "demo-koalpaca,demo-kullm,demo-chat,demo-korwkv"
PROGRAM = Path(__file__).parents[2] / "comparison" / "__main__.py"

pytestmark = pytest.mark.slow


def test_four_models_answer_one_question_each_in_its_own_format(start_command: StartCommand) -> None:
    process = start_command(
        "ask", "백두산 꼭대기에 있는 호수는 무엇인가요?", "--models", MODELS, "--json", program=PROGRAM
    )
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    answers = json.loads(out)["answers"]
    assert [answer["model"] for answer in answers] == MODELS.split(",")
    assert {answer["text"] for answer in answers} == {"천지라는 호수가 있어요."}
    assert [answer["format"] for answer in answers] == ["koalpaca", "kullm", "chat", "koalpaca"]
    assert all(answer["tokens_per_second"] > 0 and answer["seconds_to_first_text"] > 0 for answer in answers)


def test_the_terminal_calls_the_demo_models_toys(start_command: StartCommand) -> None:
    process = start_command("ask", "고려를 세운 사람은 누구인가요?", "--models", "demo-chat", program=PROGRAM)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "왕건이 918년에 고려를 세웠어요." in out
    assert "toys that learned a small set of questions by heart" in out


def test_a_batch_answers_every_question_with_every_model(start_command: StartCommand, tmp_path: Path) -> None:
    questions, out = tmp_path / "q.txt", tmp_path / "out.csv"
    questions.write_text(
        "고려를 세운 사람은 누구인가요?\n서울 한가운데를 흐르는 강은 무엇인가요?\n", encoding="utf-8"
    )
    process = start_command("batch", questions, "--models", MODELS, "--out", out, program=PROGRAM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    texts = {(row.question_id, row.text) for row in read_answers(out)}
    assert texts == {("1", "왕건이 918년에 고려를 세웠어요."), ("2", "한강이 동쪽에서 서쪽으로 흘러요.")}
    assert len(read_answers(out)) == 8
