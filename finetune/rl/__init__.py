"""Learning by rewards (GRPO, RLOO, PPO): sampled answers are scored, and what scored well becomes likelier."""
