"""The order inside dashboard/: pages beside each other, and every key of the session in its room.

Run: python -m pytest tests/dashboard/test_dashboard_order.py
"""

from __future__ import annotations

import ast
import re

from tests.test_architecture import ROOT, imported, name_of, within


def test_what_is_drawn_on_one_page_knows_no_other_page() -> None:
    """What several pages draw lies in dashboard/shared/, which knows no page."""
    folders = {path.parent.name for path in ROOT.glob("dashboard/*/__init__.py")}
    folders -= {"shared", "session", "texts"}
    for path in ROOT.glob("dashboard/*/*.py"):
        others = {f"dashboard.{name}" for name in folders - {path.parent.name}}
        modules = imported(ast.parse(path.read_text(encoding="utf-8")))
        wrong = [module for module in modules if within(module, others)]
        assert path.parent.name == "pages" or not wrong, f"{name_of(path)}: {wrong}"


def test_every_key_of_the_session_stands_in_its_room() -> None:
    """Other rooms of the dashboard name it, as `compare.PRESET`: none is spelled where it is read or set."""
    spelled = re.compile(r"session_state(\.(get|pop|setdefault))?[\[(]\s*(f?[\"']|_?[A-Z])")
    for path in ROOT.glob("dashboard/**/*.py"):
        if path.parent.name != "session":
            assert not spelled.search(path.read_text(encoding="utf-8")), name_of(path)


def test_a_box_of_several_takes_one_at_a_time_and_says_what_none_means() -> None:
    """Else what takes all that match comes first in the list, in English, and Enter takes it."""
    for path in ROOT.glob("dashboard/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node) if isinstance(node, ast.Call) else ""
            if re.match(r"(\w+\.multiselect|several)\(", called):
                assert "select_all=False" in called and "placeholder=" in called, name_of(path)
