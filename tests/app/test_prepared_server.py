"""Once a page stands, what the first question waits for is imported beforehand, and nothing more.

Run: python -m pytest tests/app/test_prepared_server.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_OPENED = """
import sys, time, warnings; warnings.simplefilter('ignore')
from streamlit.testing.v1 import AppTest
from dashboard import resources
resources._MOMENT = 1.0
wanted = {'torch', 'tokenizers', 'engines.local', 'transformers.modeling_utils'}
page = AppTest.from_file('comparison_app.py', default_timeout=20).run()
assert not page.exception and page.markdown, page.exception
drawn = sorted(wanted & set(sys.modules))
until = time.monotonic() + 60
while not wanted <= set(sys.modules) and time.monotonic() < until:
    time.sleep(0.05)
services = resources.services()
print(drawn, sorted(wanted - set(sys.modules)), services.memory.view())
services.engine.close()
"""


def test_a_page_that_stands_has_the_libraries_of_an_answer_imported_and_no_engine_built(
    tmp_path: Path,
) -> None:
    environment = {**os.environ, "NARANI_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _OPENED], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[] [] None", done.stderr
