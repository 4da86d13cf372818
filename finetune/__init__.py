"""Training as a process of its own: data, supervised tuning, reward model, PPO, merging. Not built yet."""
