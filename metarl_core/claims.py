"""What a chapter says of a result, written once beside the condition that makes it true."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import torch

from metarl_core.arguments import check_type
from metarl_core.figures.words import with_minus

__all__ = ["claim"]

STRICT = "METARL_CLAIMS"
"""environment variable: with the value "strict" a claim that does not hold is an AssertionError; so do the tests"""


def claim(sentence: str, holds: Any) -> None:
    """Say `sentence`, which the reader can check against the cell above it, if `holds`.

    On another machine a training may come out differently. Then nothing stops: the reader is told that it did, and
    what it gave where the book was made. Under the tests (`METARL_CLAIMS=strict`) it is an error.

    Args:
        sentence: what was found, in words, with a full stop; Markdown and TeX are shown as such.
        holds: True or False, also as an array or a tensor of one truth value.

    Raises:
        ValueError: for something else than a sentence and a truth value.
        AssertionError: where it does not hold and claims are strict.
    """
    check_type("sentence", sentence, str)
    if not sentence.strip().endswith((".", "!", "?")):
        raise ValueError(f"sentence must be a whole sentence with its full stop, got {sentence!r}.")
    if truth(holds):
        _show(sentence)
    elif os.environ.get(STRICT) == "strict":
        raise AssertionError(f"This does not hold: {sentence}")
    else:
        _show(
            f"> *On this machine it came out differently. In the book:* {sentence} "
            "*Trainings differ between processors, and an interrupted one is no finished one; "
            "read on with the book's result.*"
        )


def truth(holds: Any) -> bool:
    """The bool that `holds` stands for.

    Raises:
        ValueError: for several truth values, or something that is none.
    """
    if isinstance(holds, (torch.Tensor, np.ndarray)) and math.prod(holds.shape) == 1:
        holds = holds.item()
    if not isinstance(holds, (bool, np.bool_)):
        shape = f" of shape {list(holds.shape)}" if isinstance(holds, (torch.Tensor, np.ndarray)) else ""
        raise ValueError(f"holds must be one truth value (use .all() or .any()), got a {type(holds).__name__}{shape}.")
    return bool(holds)


def _show(markdown: str) -> None:
    markdown = with_minus(markdown)
    try:
        from IPython import get_ipython
        from IPython.display import Markdown, display
    except ImportError:
        print(markdown)
        return
    if get_ipython() is None:
        print(markdown)
    else:
        display(Markdown(markdown))
