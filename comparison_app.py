"""The dashboard's front door: `streamlit run comparison_app.py`.

Knows: what comes before every page: signing in, who is asking, what they prefer, whether answers are kept.
Refuses to know: everything that a page does.
"""

from __future__ import annotations

import streamlit as st

from dashboard.errors import show_error
from dashboard.menu import menu
from dashboard.resources import services
from dashboard.session.owner import bring_along, owner_id
from dashboard.session.settings import apply_preferences
from dashboard.shared.history_banner import history_banner
from dashboard.shared.signing_in import browser_identity, require_sign_in
from dashboard.shared.ticking import turn_late_ticks_away
from dashboard.texts import read_chosen
from errors import NaraniError

# As wide as a picked model in one row needs, and four columns beside it at 1280.
SIDEBAR = 300
st.set_page_config("나란히 · Narani", "dashboard/narani.svg", "wide", initial_sidebar_state=SIDEBAR)
turn_late_ticks_away()
require_sign_in(read_chosen())
page = menu(read_chosen())  # on the screen before the services import what they stand on
browser_identity()  # after the menu: a run begun anew before it knows no page and shows the first
try:
    bring_along(services())
    if apply_preferences(services(), owner_id()):
        st.rerun()
    history_banner(services().history.status, read_chosen())
    page.run()
    services().page_stands()
except NaraniError as error:
    show_error(error, read_chosen())
