"""How the checks of chapter 10 compare."""

TIGHT = {"rtol": 1e-9, "atol": 1e-9}
"""for closed forms and short runs in float64: a number that was rounded to float32 on the way is noticed"""
