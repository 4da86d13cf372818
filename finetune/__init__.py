"""Training as a process of its own: data, supervised tuning, merging, and the jobs that run them."""
