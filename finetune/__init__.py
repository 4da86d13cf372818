"""Training as a process of its own: data, supervised tuning, reward model, PPO, DPO, merging. Not built yet."""
