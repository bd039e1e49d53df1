"""Meta-learning of policies: each method, its training, and what it reaches on held-out tasks."""
