"""The label of a button that shows nothing but its icon, for those who have it read out.

Knows: that a picture has words of its own, and that Streamlit allows one in a label.
Refuses to know: buttons and icons. Without a label Streamlit names the button after its icon, in English.
"""

from __future__ import annotations

from dashboard.shared.safe_text import safe_text

_PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""One, and transparent."""


def icon_label(words: str) -> str:
    return f"![{safe_text(words)}]({_PIXEL})"
