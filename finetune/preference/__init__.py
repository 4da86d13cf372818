"""Learning from preferences: reward models, DPO on pairs and KTO on thumbs."""
