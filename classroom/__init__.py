"""For teachers: sets of exercises for a class, and their grades. `python -m classroom` lists the commands, and
classroom/README.md says the rest.
"""
