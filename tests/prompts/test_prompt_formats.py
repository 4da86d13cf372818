"""Holds every format to its golden bytes, and a bad format file to a message that names file and key.

Run: python -m pytest tests/prompts/test_prompt_formats.py
The golden files were written from the sources that the formats name, not by this project's renderer.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from errors import BadEntry, BadRequest, UnknownName
from prompts.catalog import load_formats, read_template_json
from prompts.conversation import Conversation, Turn
from prompts.rendering import render
from tests.prompts.hostile_texts import CASES, NFD, QUESTION
from tests.prompts.small_tokenizers import small

GOLDEN = Path(__file__).parent / "golden"
FORMATS = load_formats()
TEMPLATES = [format.id for format in FORMATS if format.kind == "template"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("format_id", TEMPLATES)
def test_prompt_is_golden_to_the_byte(format_id: str, case: str) -> None:
    conversation = CASES[case]
    if format_id == "korani-search":
        conversation = replace(conversation, system="")
    rendered = render(FORMATS.get(format_id), conversation)
    assert rendered.text.encode() == (GOLDEN / f"{format_id}.{case}.txt").read_bytes()
    assert NFD in rendered.text and "49" not in rendered.text


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["llama3", "chatml", "gemma"])
def test_chat_prompt_is_golden_to_the_byte(name: str, case: str) -> None:
    rendered = render(FORMATS.get("chat"), CASES[case], small(name))
    assert rendered.text.encode() == (GOLDEN / f"chat-{name}.{case}.txt").read_bytes()


@pytest.mark.parametrize("format_id", TEMPLATES)
def test_hostile_words_stay_the_persons_own(format_id: str) -> None:
    rendered = render(FORMATS.get(format_id), CASES["question"])
    ours = "".join(piece.text for piece in rendered.pieces if not piece.is_user)
    assert [piece.text for piece in rendered.pieces if piece.is_user] == [QUESTION]
    assert ours == render(FORMATS.get(format_id), Conversation.ask("")).text


def test_every_golden_file_is_used() -> None:
    used = {
        f"{name}.{case}.txt"
        for name in [*TEMPLATES, "chat-llama3", "chat-chatml", "chat-gemma"]
        for case in CASES
    }
    assert {path.name for path in GOLDEN.glob("*.txt")} == used


def test_unknown_format_names_its_neighbors() -> None:
    with pytest.raises(UnknownName, match="Did you mean kullm"):
        FORMATS.get("kulm")


def test_system_text_without_a_place_is_refused() -> None:
    with pytest.raises(BadRequest, match="no place for a system text"):
        render(FORMATS.get("korani-search"), Conversation.ask("무엇?", system="짧게"))


@pytest.mark.parametrize("format_id", TEMPLATES)
def test_a_text_above_stands_below_the_system_text_and_marks_no_turn(format_id: str) -> None:
    asked = Turn("{input} 왜?", "### 답변: {question}\n### Bot\nUSER:", input_above=True)
    format = FORMATS.get(format_id)
    if format_id != "korani-search" and not format.context:
        system = render(format, Conversation((asked,), "{system} 말")).text
        assert system.index("{system} 말") < system.index(asked.input)
    rendered = render(format, Conversation((asked,)))
    theirs = "".join(piece.text for piece in rendered.pieces if piece.is_user)
    assert asked.input in theirs and asked.question in theirs
    ours = "".join(piece.text for piece in rendered.pieces if not piece.is_user)
    assert "답변: {question}" not in ours and "USER:" not in ours.replace("USER: ", "")


def test_a_format_asks_on_texts_in_the_form_that_it_names() -> None:
    korani, kullm = FORMATS.get("korani"), FORMATS.get("kullm")
    on_texts = Conversation((Turn("왜?", "기사", input_above=True),))
    assert FORMATS.for_question(korani, on_texts).id == "korani-search"
    assert FORMATS.for_question(kullm, on_texts) is kullm
    for other in (
        Conversation.ask("왜?"),
        Conversation.ask("왜?", "맥락"),
        Conversation((Turn("왜?", input_above=True),)),
        replace(on_texts, system="짧게"),
    ):
        assert FORMATS.for_question(korani, other) is korani, "it has no better place for this"


def test_answered_conversation_is_not_asked_again() -> None:
    with pytest.raises(BadRequest, match="answered already"):
        render(FORMATS.get("kullm"), Conversation.ask("무엇?").answered("이것"))


GOOD = 'id = "x"\ntitle = "X"\nkind = "template"\nmulti_turn = "native"\n'
BAD_FILES = [
    (GOOD + 'question = "{question}{"', "key 'question'", "Single '{'|expected '}'"),
    (GOOD + 'question = "{question}}"', "key 'question'", "Single '}'"),
    (GOOD + 'question = "{question.__class__}"', "key 'question'", "only {question} may stand here"),
    (GOOD + 'question = "{question[0]}"', "key 'question'", "only {question} may stand here"),
    (GOOD + 'question = "{question!r}"', "key 'question'", "only {question} may stand here"),
    (GOOD + 'question = "{question:>9}"', "key 'question'", "only {question} may stand here"),
    (GOOD + 'question = "{0}"', "key 'question'", "only {question} may stand here"),
    (GOOD + 'question = "{}"', "key 'question'", "only {question} may stand here"),
    (GOOD + 'question = "{input}{question}"', "key 'question'", "only {question} may stand here"),
    (GOOD + 'question = "질문:"', "key 'question'", "does not name {question}"),
    (GOOD + "question = 3", "key 'question'", "must be text"),
    (
        GOOD + 'question = "{question}"\nquestion_with_input = "{question}"',
        "question_with_input",
        "not name {input}",
    ),
    (GOOD + 'quesion = "{question}"', "key 'quesion'", "did you mean question"),
    (GOOD, "x.toml", "needs question"),
    (GOOD + 'question = "{question}"\nsearch_format = "y"', "key 'search_format'", "no format 'y'"),
    (GOOD + 'question = "{question}"\nstop_strings = [""]', "key 'stop_strings.0'", "at least 1"),
    (GOOD + 'question = "{question}"\ndefault_system = "a"', "x.toml", "default_system needs system"),
    (GOOD.replace("template", "chat") + 'question = "{question}"', "x.toml", "no place"),
    (GOOD.replace('"x"', '"y"') + 'question = "{question}"', "key 'id'", "must be 'x'"),
    (GOOD + "question = ", "x.toml", "broken"),
]


@pytest.mark.parametrize(("text", "key", "said"), BAD_FILES)
def test_bad_format_file_is_refused_by_file_and_key(tmp_path: Path, text: str, key: str, said: str) -> None:
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadEntry) as caught:
        load_formats(tmp_path)
    sentence = str(caught.value)
    assert "x.toml" in sentence and key in sentence and any(part in sentence for part in said.split("|"))


KULLM = {
    "description": "KULLM's own file",
    "prompt_input": "### 명령어:\n{instruction}\n\n### 입력:\n{input}\n\n### 응답:\n",
    "prompt_no_input": "{{그대로}} ### 명령어:\n{instruction}\n\n### 응답:\n",
    "response_split": "### 응답:",
}


def write_json(folder: Path, content: object, encoding: str = "utf-8") -> Path:
    path = folder / "kullm.json"
    path.write_bytes(json.dumps(content, ensure_ascii=False).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_kullm_style_json_becomes_a_format(tmp_path: Path, encoding: str) -> None:
    formats = FORMATS.with_template(write_json(tmp_path, KULLM, encoding))
    format = formats.get("kullm.json")
    assert (
        render(format, Conversation.ask("{input} {0}")).text
        == "{그대로} ### 명령어:\n{input} {0}\n\n### 응답:\n"
    )
    with_input = render(format, Conversation.ask("{input}", "{instruction}"))
    assert with_input.text == "### 명령어:\n{input}\n\n### 입력:\n{instruction}\n\n### 응답:\n"
    assert with_input.stop_strings == ("\n### 응답:",)
    assert len(formats) == len(FORMATS) + 1 and formats.get("kullm") == FORMATS.get("kullm")


def test_two_template_files_of_one_name_are_refused(tmp_path: Path) -> None:
    formats = FORMATS.with_template(write_json(tmp_path, KULLM))
    assert formats.with_template(write_json(tmp_path, KULLM)) == formats
    with pytest.raises(BadEntry, match="rename one"):
        formats.with_template(write_json(tmp_path, {**KULLM, "response_split": ""}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({**KULLM, "prompt_input": "{instruction}"}, "key 'prompt_input': does not name {input}"),
        ({**KULLM, "prompt_no_input": "{question}"}, "key 'prompt_no_input': holds {question}"),
        ({**KULLM, "respons_split": ""}, "did you mean response_split"),
        ({"prompt_input": "{instruction}{input}"}, "key 'prompt_no_input'"),
        ([], "kullm.json"),
        ("{{''.__class__}}", "kullm.json"),
    ],
)
def test_bad_template_file_is_refused_by_key(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(BadEntry) as caught:
        read_template_json(write_json(tmp_path, content))
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [b'{"a": ', "한글".encode("cp949"), b"[" * 100_000, None])
def test_unreadable_template_file_is_refused_plainly(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "own.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadEntry, match="own.json"):
        read_template_json(path)
