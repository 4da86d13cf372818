"""How a conversation becomes a prompt: formats as data, one renderer for asking and for training."""
