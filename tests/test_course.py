"""course.toml is whole, its reader rejects what is not, and README's map says what the table says."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.course import ROOT, header, parse, read
from tools.course_map import course_map, rewrite
from tools.footers import chapter_footer, end_with, exercises_footer

TEXT = """
title = "A course"
tagline = "of two chapters"
[[part]]
name = "One"
[[part]]
name = "Two"
[[chapter]]
number = "00"
name = "start"
part = "One"
title = "Start"
question = "Where do we start?"
objectives = ["find the door"]
prerequisites = ["patience"]
reading_minutes = 5
seconds = 30
megabytes = 500
status = "ready"
[chapter.exercises]
minutes = 10
seconds = 20
megabytes = 400
[[chapter]]
number = "01"
name = "go_on"
part = "Two"
title = "Go on"
question = "And then?"
objectives = ["walk", "run"]
prerequisites = ["00"]
status = "planned"
"""


def test_the_course_has_its_eighteen_chapters_in_four_parts():
    course = read()
    lessons = [chapter.number for chapter in course.chapters if chapter.appendix_to is None]
    assert lessons == [f"{n:02d}" for n in range(18)]
    assert len(course.parts) == 4
    assert {chapter.part for chapter in course.chapters} == set(course.parts)


def test_a_ready_chapter_keeps_the_course_wide_promises():
    for chapter in read().ready:
        assert chapter.seconds <= 180 and chapter.megabytes <= 2000, chapter.stem
        if chapter.exercises is not None:
            assert chapter.exercises.seconds <= 60, chapter.stem
        if chapter.project is not None:
            assert chapter.project.seconds <= 60 and 120 <= chapter.project.minutes <= 240, chapter.stem


def test_a_ready_chapter_rests_on_ready_ones():
    course = read()
    for chapter in course.ready:
        for item in filter(str.isdigit, chapter.prerequisites):
            assert course[item].status == "ready", f"{chapter.stem} needs {item}"


def test_ready_chapters_and_notebooks_are_the_same_set():
    course = read()
    sets = {chapter.exercises_stem for chapter in course.ready if chapter.exercises is not None}
    projects = {chapter.project_stem for chapter in course.ready if chapter.project is not None}
    for folder, stems in (
        ("chapters", {chapter.stem for chapter in course.ready}),
        ("exercises", sets | projects),
        ("projects", projects),
    ):
        assert {path.stem for path in (ROOT / folder).glob("[0-9]*.ipynb")} == stems, folder


def test_parse_reads_every_field():
    course = parse(TEXT)
    start, go_on = course.chapters
    assert (start.stem, start.exercises.minutes, go_on.exercises, go_on.seconds) == ("00_start", 10, None, None)
    assert course["01"] is go_on and course.ready == (start,)
    with pytest.raises(ValueError, match="no chapter '02'"):
        course["02"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "A course"\n', "", "lacks title"),
        ('number = "01"', 'number = "02"', "chapter 02 stands where 01 or 00a is expected"),
        ('number = "01"', "number = 1", "number is 1, expected str"),
        ('part = "Two"', 'part = "Three"', "part is 'Three', allowed are One, Two"),
        ('status = "planned"', 'status = "soon"', "status is 'soon', allowed are ready, planned"),
        ('status = "planned"', 'status = "ready"', "chapter 01 lacks reading_minutes, seconds, megabytes"),
        ("seconds = 30", 'seconds = "30"', "seconds is '30', expected int"),
        ("seconds = 30", "seconds = 0", "seconds is 0, must be positive"),
        ("minutes = 10", "hours = 10", "exercises lacks minutes"),
        ('prerequisites = ["00"]', 'prerequisites = ["01"]', "prerequisite 01 is not an earlier chapter"),
        ('objectives = ["walk", "run"]', "objectives = []", "objectives must be a list of one or more"),
        ('name = "go_on"', 'name = "Go on"', "name is 'Go on', allowed are small letters"),
        ('name = "go_on"', 'name = "start"', "the name 'start' is taken"),
        ('question = "And then?"', 'question = "And then."', "does not end in a question mark"),
        ('question = "And then?"', 'question = "And then?"\ncolour = "red"', "has unknown colour"),
        ('title = "Go on"', 'title = " "', "title is empty"),
    ],
)
def test_what_is_wrong_is_named(old, new, message):
    assert TEXT.count(old) == 1
    with pytest.raises(ValueError, match=message):
        parse(TEXT.replace(old, new))


def test_chapters_follow_the_order_of_the_parts():
    swapped = TEXT.replace('part = "One"', 'part = "X"').replace('part = "Two"', 'part = "One"')
    with pytest.raises(ValueError, match="must stand together"):
        parse(swapped.replace('part = "X"', 'part = "Two"'))


def test_header_says_what_a_reader_needs():
    course = parse(TEXT)
    text = header(course["00"], course)
    assert text.startswith("# 00 Start\n\n**Where do we start?**\n\nYou will be able to\n\n- find the door\n")
    assert "patience" in text and "about 5 minutes" in text and "30 seconds and 500 MB" in text
    assert "(../exercises/00_start_exercises.ipynb): about 10 minutes" in text
    planned = header(course["01"], course)
    assert "chapter 00, [Start](00_start.ipynb)" in planned
    assert "Running" not in planned and "None" not in planned


def test_map_links_ready_chapters_only():
    table = course_map(parse(TEXT))
    assert "[00 Start](chapters/00_start.ipynb)" in table and "[10 min](exercises/00_start_exercises.ipynb)" in table
    assert "01 Go on (planned)" in table and "01_go_on" not in table


def test_rewrite_touches_nothing_but_the_map():
    course = parse(TEXT)
    once = rewrite("before\n<!-- course map -->\nold\n<!-- /course map -->\nafter\n", course)
    assert once.startswith("before\n") and once.endswith("after\n") and "old" not in once
    assert rewrite(once, course) == once
    with pytest.raises(ValueError, match="README.md needs one line"):
        rewrite("no marks", course)


def test_readme_is_in_step_with_the_table():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert rewrite(readme, read()) == readme, "run `make map`"


APPENDIX = """
[[chapter]]
number = "00a"
name = "more"
part = "One"
title = "More"
question = "What else?"
objectives = ["look closer"]
prerequisites = ["00"]
status = "planned"
"""


def test_appendices_stand_behind_their_chapter():
    start, then = TEXT.split('[[chapter]]\nnumber = "01"')
    more = APPENDIX.replace("00a", "00b").replace('"more"', '"still_more"')
    course = parse(start + APPENDIX + more + '[[chapter]]\nnumber = "01"' + then)
    assert [chapter.appendix_to for chapter in course.chapters] == [None, "00", "00", None]
    assert "An appendix to chapter 00. No later chapter needs it." in header(course["00a"], course)
    with pytest.raises(ValueError, match="chapter 00b stands where 01 or 00a is expected"):
        parse(start + more)


def test_a_chapter_leads_on():
    course = read()
    footers = {chapter.number: chapter_footer(chapter, course) for chapter in course.ready}
    assert footers["00"].endswith("next: [01 Why learn to learn?](01_why_learn_to_learn.ipynb)")
    assert "previous" not in footers["00"] and "next" not in footers[course.ready[-1].number]
    assert re.search(
        r"^\[Exercises\].*02_tasks_exer.*previous: \[01 .*next: \[03 .*appendices: \[02a.*02b", footers["02"]
    )
    assert re.search(r"^Back to \[02 .*02_tasks_exercises.*next: \[02b", footers["02a"])
    assert re.search(r"^Back to \[02 .*previous: \[02a .*next: \[03 ", footers["02b"])
    assert re.fullmatch(
        r"Back to \[05 MAML\]\(\.\./chapters/05_maml\.ipynb\) · next: \[06 .*", exercises_footer(course["05"])
    )


def test_a_footer_takes_the_place_of_an_earlier_one():
    book = new_notebook(cells=[new_markdown_cell("Read\nBack to [the sea](https://x)"), new_code_cell("1")])
    for footer in (
        "next: [01 A](a.ipynb)",
        "[Exercises](../exercises/b.ipynb) · next: [02 B](b.ipynb)",
        "Back to [01 A](a.ipynb)",
    ):
        end_with(book, footer)
        assert [cell.source for cell in book.cells] == ["Read\nBack to [the sea](https://x)", "1", footer]
    book.cells.pop()
    book.cells.pop()
    end_with(book, footer)
    assert book.cells[0].source == f"Read\nBack to [the sea](https://x)\n\n{footer}"
