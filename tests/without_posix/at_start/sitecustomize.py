"""Python reads this when it starts: so the processes that a test starts are without these things, too."""

import tests.without_posix  # noqa: F401 - importing it takes them away
