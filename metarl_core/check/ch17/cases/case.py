"""A case: a claim or a few lines of code, a question, and what may be thought of it."""

from __future__ import annotations

from dataclasses import dataclass

RAISES, NOTHING, WRONG, SAYS = KINDS = (
    "does not run",
    "runs and learns nothing",
    "learns the wrong thing",
    "says what does not follow",
)
LETTERS = "ABC"


@dataclass(frozen=True)
class Case:
    """`choices` are three pairs: what may be thought, and what is to be said of it; `right` is the letter of one."""

    number: int
    chapter: str
    """that taught what is needed"""
    title: str
    kind: str
    code: str
    """Python, or words and formulas where it begins with ">" """
    question: str
    choices: tuple[tuple[str, str], tuple[str, str], tuple[str, str]]
    right: str

    def __post_init__(self):
        if self.kind not in KINDS or self.right not in LETTERS:
            raise ValueError(f"case {self.number} has the kind {self.kind!r} and the answer {self.right!r}.")

    @property
    def markdown(self) -> str:
        """The case as a learner meets it, without its answer."""
        shown = self.code if self.code.startswith(">") else f"```python\n{self.code}\n```"
        lines = [f"({letter}) {text}" for letter, (text, _) in zip(LETTERS, self.choices, strict=True)]
        return f"**Case {self.number}: {self.title}**\n\n{shown}\n\n{self.question} {' '.join(lines)}"

    def said_of(self, letter: str) -> str:
        """What is to be said of a choice."""
        return self.choices[LETTERS.index(letter)][1]
