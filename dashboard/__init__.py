"""What is seen: pages, the components they are composed of, and the words on them. Only here is streamlit."""
