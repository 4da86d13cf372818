"""What is seen: the pages, what is drawn on each, and the texts. Only here is streamlit imported."""
