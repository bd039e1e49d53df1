# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 17c Forty questions
#
# **What has stayed of the whole course?**
#
# *An appendix to chapter 17. No later chapter needs it.*
#
# You will be able to
#
# - answer questions on all chapters, drawn anew each time
# - find the chapter to read again
#
# Before you start: chapter 17, [Reading critically](17_reading_critically.ipynb).
#
# Reading: about 60 minutes. Running: at most 30 seconds and 700 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
from metarl_core.session import begin
from metarl_core.widgets import self_test

begin()

# %% [markdown]
# Forty questions on chapters 00 to 12 and 17, each with three choices, of which one is right. Whatever you choose, something is
# said of it; where it was not so, the chapter to read again is named. A test has ten of them, in random order; *Draw anew* begins
# another one. `self_test(40)` asks all.
#
# By keys: Tab goes from the choices to the buttons, the arrows from choice to choice, the space bar presses a button. In the
# exercises the checks ask what you can do; here is asked what you can say without computing. Nine of ten at a first go is a lot.
#
# Where no Python runs behind the page, all forty stand below as text, with their answers folded.

# %%
self_test(10)

# %% [markdown]
# A question that you answered rightly for a wrong reason counts as a wrong one. And if a question seems wrong to you, put it to the
# twelve of chapter 17: which experiment would decide it?
#
# Back to [17 Reading critically](17_reading_critically.ipynb) · [Exercises](../exercises/17_reading_critically_exercises.ipynb) · previous: [17b Cases of meta-learning](17b_cases_of_meta_learning.ipynb)
