"""The dashboard's front door: `streamlit run comparison_app.py`.

Knows: the page's title and which pages there are.
Refuses to know: everything that a page does.
"""

from __future__ import annotations

import streamlit as st

from dashboard.words import words

st.set_page_config(page_title="나란히 · Narani", page_icon=":material/view_column:", layout="wide")
page = st.navigation([st.Page("dashboard/pages/compare.py", title=words().pages["compare"], default=True)])
page.run()
