"""What a host's robots.txt allows, as RFC 9309 reads it.

The rules of the group that names us count, else those of `*`; of the rules that fit, the longest; of equals
the one that allows. `*` stands for anything and `$` for the end.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

PRODUCT = "narani"
"""The name by which a robots.txt speaks of us."""
_MOST_LINES = 20_000


class RobotsRules:
    """The rules of one robots.txt for us."""

    def __init__(self, text: str) -> None:
        self._rules = _rules_for_us(text)

    def allows(self, target: str) -> bool:
        """Whether a path, with its query, may be read."""
        path = _same_form(target)
        fitting = [(len(pattern), allowed) for pattern, allowed in self._rules if _fits(pattern, path)]
        return max(fitting)[1] if fitting else True


def _rules_for_us(text: str) -> list[tuple[str, bool]]:
    groups: dict[str, list[tuple[str, bool]]] = {}
    agents: list[str] = []
    in_rules = False
    for line in text.splitlines()[:_MOST_LINES]:
        key, _, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if key == "user-agent":
            agents = [] if in_rules else agents
            in_rules = False
            agents.append(value.lower().partition("/")[0].strip())
            groups.setdefault(agents[-1], [])
        elif key in ("allow", "disallow"):
            in_rules = True
            for agent in agents if value else ():
                groups[agent].append((_same_form(value), key == "allow"))
    return groups.get(PRODUCT, groups.get("*", []))


def _same_form(path: str) -> str:
    """One way of writing letters that may be written in several."""
    return quote(unquote(path), safe="/?&=*$;:@!,()'+~")


def _fits(pattern: str, path: str) -> bool:
    """Piece by piece between the stars, each looked for once."""
    to_the_end = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for piece in others[:-1] if to_the_end else others:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    if not to_the_end:
        return True
    return path.endswith(others[-1]) and len(path) - len(others[-1]) >= at if others else at == len(path)
