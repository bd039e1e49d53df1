"""Meta-learning of value functions: each method, its training, and what it reaches on held-out tasks."""
