"""The figures of the chapters, a module each: `from metarl_core.figures import ch03`, and `ch03.name??` to read one.

A function takes what the chapter computed, draws with `metarl_core.plotting`, and shows the figure with its alt text.
The cell in the chapter then holds the experiment, and one line for its picture.
"""
