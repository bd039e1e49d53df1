"""How the rows of the committed tables are made: settings, methods, training and evaluation, one module a table.

A recipe stands once, for the script that fills the table and for the chapter that trains one seed in front of you:
with the same seed both draw the same random numbers in the same order, so their numbers are the same.
"""
