"""What the small files of a model say of it (settings, headers of weights, card), on disk or at the hub."""
