"""The questions on the whole course, and the widget that asks them."""

import ipywidgets
import pytest
import torch
from widget_walker import tree

from metarl_core.widgets import questions, self_test
from metarl_core.widgets.self_test import TITLES, drawn
from tools.course import read

EVERY = questions()


def test_there_are_forty_different_questions():
    assert len(EVERY) == 40 and len({question.text for question in EVERY}) == 40


@pytest.mark.parametrize("question", EVERY, ids=lambda question: question.text[:40])
def test_each_has_one_right_answer_and_says_something_of_every_choice(question):
    assert len(question.choices) == 3 and sum(choice.right for choice in question.choices) == 1
    assert len({choice.text for choice in question.choices}) == 3
    assert question.text.strip() == question.text
    for choice in question.choices:
        assert choice.text[-1] in ".?!" and choice.because[-1] in ".?!" and len(choice.because.split()) >= 2


def test_each_refers_to_a_chapter_that_is_there_and_most_chapters_have_one():
    ready = {chapter.number for chapter in read().ready}
    asked = {question.chapter for question in EVERY}
    assert asked <= ready
    assert TITLES == {chapter.number: chapter.title for chapter in read().chapters if chapter.number in asked}
    assert {f"{number:02d}" for number in range(13)} <= asked
    assert [q.chapter for q in EVERY] == sorted(q.chapter for q in EVERY)


def test_drawing_changes_order_and_choices_and_repeats_nothing():
    one, same, other = (drawn(12, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one == same != other and len({question.text for question in one}) == 12
    places = [[choice.right for choice in q.choices].index(True) for q in drawn(40, torch.Generator().manual_seed(3))]
    assert {places.count(place) > 5 for place in range(3)} == {True}


@pytest.mark.parametrize("number", [0, 41, 2.5, True, "10"])
def test_a_number_of_questions_that_there_is_not_is_refused(number):
    with pytest.raises(ValueError, match="number must be a whole number from 1 to 40, got"):
        self_test(number)


def test_a_whole_test_by_its_controls():
    asked = self_test(3, seed=4)
    controls = [w for w in tree(asked) if isinstance(w, (ipywidgets.RadioButtons, ipywidgets.Button))]
    assert [type(control).__name__ for control in controls] == ["RadioButtons", "Button", "Button", "Button"]
    assert all(button.description for button in controls[1:])  # reached by Tab, pressed by the space bar
    asked.answer.click()
    assert "Choose one" in asked.said.value and asked.score == 0
    for turn, right in enumerate((True, False, True)):
        question = asked.test[turn]
        assert question.text[:10] in asked.text.value.replace("&gt;", ">")
        asked.choices.index = next(n for n, choice in enumerate(question.choices) if choice.right is right)
        asked.answer.click()
        assert ("Right." in asked.said.value) is right and asked.answer.disabled
        assert right or "Read again: chapter" in asked.said.value
        asked.onward.click()
    assert "2 of 3 were right" in asked.said.value and asked.onward.disabled
    before = asked.test
    asked.again.click()
    assert asked.test != before and asked.score == 0 and asked.said.value == ""


def test_where_widgets_are_not_shown_all_questions_stand_as_text():
    data, _ = self_test(5)._repr_mimebundle_()
    text = data["text/markdown"]
    assert text.count("<details>") == text.count("</details>") == 40
    assert all(question.text in text and question.right.because in text for question in EVERY)
    first = [line for line in text.splitlines() if "is right." in line]
    assert len(first) == 40 and len({line[:5] for line in first}) == 3
