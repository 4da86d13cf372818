"""Questions answered from sources: deciding, providers, fetching, passages, prompts, citations."""
