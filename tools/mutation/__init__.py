"""Solutions with one thing changed, by machine, against the checks: `python -m tools.mutation`."""
