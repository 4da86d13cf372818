"""Questions answered from sources: providers, fetching, passages, citations. Not built yet."""
