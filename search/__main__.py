"""`python -m search`: imports nothing that is slow, so that Ctrl-C is heard from the first moment."""

from __future__ import annotations

from command_line import run


def main() -> int:
    from search.cli import main

    return main()


if __name__ == "__main__":
    run(main)
