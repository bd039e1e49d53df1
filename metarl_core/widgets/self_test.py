"""Questions on the whole course, drawn anew, with an answer for every choice."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from pathlib import Path

import ipywidgets
import torch

QUESTIONS = Path(__file__).parent / "questions.json"
LETTERS = "ABC"
TITLES = {
    "00": "Start here",
    "01": "Why learn to learn?",
    "02": "Tasks and their distributions",
    "03": "Value-based agents",
    "04": "Policy-gradient agents",
    "05": "MAML",
    "06": "Reptile and Meta-SGD",
    "07": "Few-shot image classification",
    "08": "MAML for reinforcement learning",
    "09": "The meta-policy gradient, done right",
    "10": "Meta-learning a DQN",
    "11": "Memory and context",
    "12": "Models and planning",
    "17": "Reading critically",
}
"""of the chapters that questions are about"""
WIDE = {"width": "auto", "max_width": "46rem"}


@dataclass(frozen=True)
class Choice:
    """Something that may be answered, and what is to be said of it."""

    text: str
    because: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question on a chapter, and three choices, one of which is right."""

    chapter: str
    text: str
    choices: tuple[Choice, ...]

    @property
    def right(self) -> Choice:
        """The right choice."""
        (found,) = (choice for choice in self.choices if choice.right)
        return found


def questions() -> tuple[Question, ...]:
    """All questions, in the order of the course, the right choice first."""
    found = []
    for entry in json.loads(QUESTIONS.read_text("utf-8")):
        right = Choice(entry["right"]["text"], entry["right"]["because"], True)
        wrong = (Choice(one["text"], one["because"]) for one in entry["wrong"])
        found.append(Question(entry["chapter"], entry["question"], (right, *wrong)))
    return tuple(found)


def drawn(number: int, generator: torch.Generator, every: tuple[Question, ...] | None = None) -> tuple[Question, ...]:
    """`number` different questions in random order, and their choices in random order.

    Raises:
        ValueError: for fewer than one, or more than there are.
    """
    every = questions() if every is None else every
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= len(every):
        raise ValueError(f"number must be a whole number from 1 to {len(every)}, got {number!r}.")
    order = torch.randperm(len(every), generator=generator).tolist()[:number]
    return tuple(_shuffled(every[place], generator) for place in order)


def as_markdown(every: tuple[Question, ...]) -> str:
    """All of these as a page: each question, its choices, and the answers folded."""
    parts = []
    for number, question in enumerate(every, 1):
        choices = " ".join(f"({letter}) {one.text}" for letter, one in zip(LETTERS, question.choices, strict=True))
        answers = "\n\n".join(
            f"**{letter}**{' is right.' if one.right else ':'} {one.because}"
            for letter, one in zip(LETTERS, question.choices, strict=True)
        )
        folded = f"<details><summary>Answer to {number}</summary>\n\n{answers}\n\n"
        where = f"Chapter {question.chapter}, {TITLES[question.chapter]}.\n</details>"
        parts.append(f"**{number}.** {question.text} {choices}\n\n{folded}{where}")
    return "\n\n".join(parts)


class SelfTest(ipywidgets.VBox):
    """One question after the other, reached by keys: radio buttons, a button to answer, one to go on, one to draw anew.

    Where widgets are not shown, all questions stand in its place as text, with folded answers.

    Args:
        number: how many questions a test has.
        seed: of the first drawing; each further one has the next.
    """

    def __init__(self, number: int, seed: int = 0):
        self.number, self.seed = number, seed
        self.heading, self.text, self.said = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.choices = ipywidgets.RadioButtons(options=[("", 0)], layout=WIDE)
        self.answer = ipywidgets.Button(description="Answer", tooltip="Answer this question")
        self.onward = ipywidgets.Button(description="Next", tooltip="Go to the next question")
        self.again = ipywidgets.Button(description="Draw anew", tooltip="Begin a new test")
        self.answer.on_click(lambda _: self._judge())
        self.onward.on_click(lambda _: self._go_on())
        self.again.on_click(lambda _: self.draw())
        buttons = ipywidgets.HBox([self.answer, self.onward, self.again])
        super().__init__([self.heading, self.text, self.choices, buttons, self.said])
        self.add_class("metarl-self-test")
        self.seed -= 1
        self.draw()

    def draw(self) -> None:
        """Begin a new test."""
        self.seed += 1
        self.test = drawn(self.number, torch.Generator().manual_seed(self.seed))
        self.at, self.given = 0, [-1] * len(self.test)
        self._show()

    @property
    def score(self) -> int:
        """Right answers so far."""
        return sum(at >= 0 and question.choices[at].right for at, question in zip(self.given, self.test, strict=True))

    def _show(self) -> None:
        question = self.test[self.at]
        self.heading.value = f"<b>Question {self.at + 1} of {len(self.test)}</b>"
        self.text.value = html.escape(question.text)
        self.choices.options = [(choice.text, place) for place, choice in enumerate(question.choices)]
        self.choices.index = None
        self.said.value = ""
        self.answer.disabled, self.onward.disabled = False, True

    def _judge(self) -> None:
        place = self.choices.index
        if place is None:
            self.said.value = "Choose one of the three first."
            return
        question, choice = self.test[self.at], self.test[self.at].choices[place]
        self.given[self.at] = place
        words = [f"<b>{'Right.' if choice.right else 'Not so.'}</b> {html.escape(choice.because)}"]
        if not choice.right:
            words.append(f"Right is: {html.escape(question.right.text)} {html.escape(question.right.because)}")
            words.append(f"Read again: chapter {question.chapter}, {TITLES[question.chapter]}.")
        if self.at + 1 == len(self.test):
            words.append(f"<b>{self.score} of {len(self.test)} were right.</b>")
        self.said.value = "<br>".join(words)
        self.answer.disabled, self.onward.disabled = True, self.at + 1 == len(self.test)

    def _go_on(self) -> None:
        if self.at + 1 < len(self.test):
            self.at += 1
            self._show()

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        generator = torch.Generator().manual_seed(0)
        every = tuple(_shuffled(question, generator) for question in questions())
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/markdown": as_markdown(every)}, metadata


def self_test(number: int = 10, seed: int = 0) -> SelfTest:
    """A test of `number` questions on the whole course, drawn anew at a click.

    Args:
        number: from 1 to 40.
        seed: of the first drawing.

    Raises:
        ValueError: for a number of questions that there are not.
    """
    return SelfTest(number, seed)


def _shuffled(question: Question, generator: torch.Generator) -> Question:
    order = torch.randperm(len(question.choices), generator=generator).tolist()
    return Question(question.chapter, question.text, tuple(question.choices[place] for place in order))
