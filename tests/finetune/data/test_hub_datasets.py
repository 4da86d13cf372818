"""A dataset of the hub is read as a file would be, at a known commit; without a hub there is one sentence.

Run: python -m pytest tests/finetune/data
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.finetune.data.data_files import alpaca, lines
from tests.finetune.data.loopback_datasets import COMMIT, GATED, serving_datasets

ROOT = Path(__file__).parents[3]
# In a process of its own: the hub's libraries read its address only once.
READ = """
import json, sys
from errors import NaraniError
from finetune.data import read_examples
for name in sys.argv[1:]:
    try:
        found = read_examples([name])
        file = found.files[0]
        last = found.rows[-1].source
        print(json.dumps([file.name, file.shape, file.rows, file.sha256, last, *found.notes]))
    except NaraniError as error:
        print(json.dumps([error.category, str(error)]))
"""


def read_elsewhere(home: Path, address: str, *names: str, offline: bool = False) -> list[list[object]]:
    environment = {**os.environ, "HF_HOME": str(home), "HF_ENDPOINT": address, "NO_PROXY": "127.0.0.1"}
    environment |= {"HF_HUB_OFFLINE": "1"} if offline else {}
    command = [sys.executable, "-W", "ignore", "-c", READ, *names]
    output = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=120)
    return [json.loads(line) for line in output.stdout.splitlines()]


def test_datasets_are_fetched_kept_and_refused_in_a_sentence(tmp_path: Path) -> None:
    rows = lines(*({**row, "url": "-"} for row in alpaca(3))).encode()
    served = {
        "people/koalpaca": ("data.jsonl", rows),
        "people/gated": ("data.jsonl", GATED),
        "people/text": ("data.jsonl", lines({"text": "가"}).encode()),
        "people/empty": ("readme.bin", b"\0\1"),
    }
    with serving_datasets(served) as address:
        found, gated, gone, text, empty = read_elsewhere(
            tmp_path, address, "people/koalpaca", "people/gated", "people/gone", "people/text", "people/empty"
        )
    assert found[:3] == ["people/koalpaca", "alpaca", 3] and found[4] == "people/koalpaca, row 3"
    assert COMMIT in str(found[5])
    assert gated[0] == "unreachable" and "people/gated is gated" in str(gated[1])
    assert gone[0] == "unreachable" and "no dataset of the hub named 'people/gone'" in str(gone[1])
    assert text[0] == "bad-entry" and "people/text: it has only a column 'text'" in str(text[1])
    assert empty[0] == "bad-request" and "people/empty cannot be read" in str(empty[1])
    again, absent = read_elsewhere(tmp_path, address, "people/koalpaca", "people/gone", offline=True)
    assert again[:5] == found[:5] and "fetched before" in str(again[5])
    assert absent[0] == "unreachable" and "the hub cannot be reached" in str(absent[1])
    (unplugged,) = read_elsewhere(tmp_path, address, "people/gone")
    assert unplugged == absent
