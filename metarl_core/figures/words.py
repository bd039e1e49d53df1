"""Text and tables as outputs of a notebook, for numbers that were just computed."""

from collections.abc import Iterable, Sequence

from IPython.display import Markdown, display


def say(text: str) -> None:
    """Show Markdown, TeX included, as the output of a cell."""
    display(Markdown(text))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Show a table: the names of the columns, and rows as long as these."""
    lines = [columns, ["---"] * len(columns), *rows]
    say("\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines))
