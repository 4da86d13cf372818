"""`python -m search` over scripted models, as a process of its own; holds no test itself.

Run: PYTHONPATH=. python tests/search/scripted_search_command.py ask 질문
"""

from __future__ import annotations

from command_line import run
from search.cli import main
from tests.comparison.scripted_command import scripted_wiring

if __name__ == "__main__":
    run(lambda: main(wiring=scripted_wiring))
