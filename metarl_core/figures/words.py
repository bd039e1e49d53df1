"""Text and tables as outputs of a notebook, for numbers that were just computed."""

import re
from collections.abc import Iterable, Sequence


def with_minus(text: str) -> str:
    """`text` with a minus sign, and no hyphen, before a negative number."""
    return re.sub(r"(?<![\w`])-(?=\d|\.\d)", "−", text)


def say(text: str) -> None:
    """Show Markdown, TeX included, as the output of a cell."""
    from IPython.display import Markdown, display  # only notebooks need IPython

    display(Markdown(with_minus(text)))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Show a table: the names of the columns, and rows as long as these."""
    lines = [columns, ["---"] * len(columns), *rows]
    say("\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines))
