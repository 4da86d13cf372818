"""docs/coming-from.md as data: its rows, the lines in their `here` cells, and small files for these lines.

Knows: how the page is written, and of which shape each file that it names was published.
Refuses to know: what the lines do.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.finetune.data.data_files import array, lines

PAGE = Path(__file__).parents[2] / "docs" / "coming-from.md"
COLUMNS = ("there", "here", "what differs")
_TICKED = re.compile(r"`([^`]+)`")


def _said(side: str, value: str) -> dict[str, str | None]:
    return {"from": side, "value": value, "markdown": None, "text": None}


FACTS = [(f"{number}?", f"{number}") for number in range(16)]
"""Few and short; 8 are held out."""
ALPACA = [{"instruction": question, "input": "", "output": answer} for question, answer in FACTS]
FILES = {
    "data.jsonl": lines(*ALPACA),
    "my_data.csv": "질문,답변\n" + "".join(f"{question},{answer}\n" for question, answer in FACTS),
    "kullm-v2.jsonl": lines(*({"id": f"alpaca_{number}", **row} for number, row in enumerate(ALPACA))),
    "user_oriented_instructions_eval.jsonl": lines(
        {"id": "1", "motivation_app": "a", "instruction": "왜?", "instances": [{"input": "", "output": "1"}]}
    ),
    "ko_alpaca_data.json": array(*ALPACA),
    "alpaca_data_cleaned.json": array({"instruction": "Why?", "input": "", "output": "So."}),
    "KoAlpaca_v1.1.jsonl": lines(*({"instruction": q, "output": a, "url": ""} for q, a in FACTS)),
    "ko_dataset_2.json": array(
        *(
            {"id": str(number), "conversations": [_said("human", f"돌 {q}"), _said("gpt", a)]}
            for number, (q, a) in enumerate(FACTS)
        )
    ),
    "kochatgpt_1_SFT.jsonl": array(*({"prompt": q, "completion": f"'{a}", "tokens": 1} for q, a in FACTS)),
    "kochatgpt_1_SFT_conversation.jsonl": "".join(
        f"<<start conversation>>\n<사람>: {question}\n<챗봇>: {answer}\n\n" for question, answer in FACTS
    ),
    "kochatgpt_2_RM.jsonl": "\ufeff"
    + array(
        *(
            {
                "prompt": q,
                "completion_0": "-",
                "completion_1": f"'{a}",
                "completion_2": "+",
                "ranking": [1, 0, 2],
            }
            for q, a in FACTS
        )
    ),
    "kochatgpt_3_PPO.jsonl": array(*({"prompt": question} for question, _ in FACTS)),
    "kochatgpt_seed_data.txt": "\ufeff" + "".join(f"{question}\n" for question, _ in FACTS),
    "my_pairs.jsonl": lines(*({"question": q, "chosen": a, "rejected": "-"} for q, a in FACTS)),
    "my_pairs_sft.jsonl": lines(*({"question": q, "answer": a} for q, a in FACTS)),
}
"""Written into the folder in which the lines are run."""
HUB = {
    "nlpai-lab/kullm-v2": "kullm-v2.jsonl",
    "beomi/KoAlpaca-v1.1a": "KoAlpaca_v1.1.jsonl",
    "junelee/sharegpt_deepl_ko": "ko_dataset_2.json",
}


@dataclass(frozen=True)
class Row:
    section: str
    cells: tuple[str, ...]

    @property
    def here(self) -> str:
        return self.cells[1]

    @property
    def ticked(self) -> tuple[str, ...]:
        """What is typed."""
        return tuple(_TICKED.findall(self.here)) if self.here.startswith("`") else ()


def read_page(text: str) -> Iterator[Row]:
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if line.startswith("|") and cells != COLUMNS and set(line) != set("|-"):
            yield Row(section, cells)


ROWS = tuple(read_page(PAGE.read_text(encoding="utf-8")))
TYPED = tuple(dict.fromkeys(text for row in ROWS for text in row.ticked))


def typed(*begin: str) -> dict[str, list[str]]:
    """The lines that begin with these words, each with the words after them."""
    words = {text: shlex.split(text) for text in TYPED}
    return {text: all[len(begin) :] for text, all in words.items() if tuple(all[: len(begin)]) == begin}


def options_of(words: list[str]) -> dict[str, tuple[str, ...]]:
    """What is said after each `--option`, read without the parser that is tested."""
    found: dict[str, tuple[str, ...]] = {}
    option = ""
    for word in words:
        if word.startswith("--"):
            option = word.removeprefix("--").replace("-", "_")
            found[option] = ()
        else:
            found[option] += (word,)
    return found
