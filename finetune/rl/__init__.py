"""Learning by rewards: answers are sampled, scored, and what scored well becomes likelier (GRPO, RLOO, PPO)."""
