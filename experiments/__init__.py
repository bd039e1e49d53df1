"""One script per multi-seed table. `python -m experiments` fills them all and goes on where it was stopped."""
