"""Mutants by machine: what is changed in a solution, and what is left alone."""

from tools.mutation.mutants import mutants

DEBUG = """
def f(x):
    y = x + 1
    ### BEGIN SOLUTION
    y = x * 2
    ### END SOLUTION
    return y - 3
"""


def test_broken_lines_that_a_solution_replaces_are_left_alone():
    names = [mutant.name for mutant in mutants(DEBUG)]
    assert "y = x * 2: x * 2 -> x / 2" in names and "return y - 3: y - 3 -> y + 3" in names
    assert not [name for name in names if "+ 1" in name]
    assert any("y = x + 1" in mutant.code for mutant in mutants(DEBUG))
