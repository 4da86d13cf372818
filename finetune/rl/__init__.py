"""Learning by rewards (GRPO, RLOO, PPO): answers are sampled, scored, and made likelier or less likely."""
