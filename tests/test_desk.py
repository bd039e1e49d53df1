"""The learner's desk: nothing on it has been run, and nothing that a learner did is ever lost."""

import json
import shutil

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from tools import desk
from tools.course import ROOT


@pytest.fixture(autouse=True)
def signatures(tmp_path, monkeypatch):
    """What is laid is signed in the learner's home: here in one of its own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def course(tmp_path):
    """A small course: two chapters and an exercise."""
    root = tmp_path / "meta rl ü"
    for folder, names in {"chapters": ("00_a", "01_b"), "exercises": ("01_b",)}.items():
        (root / folder).mkdir(parents=True)
        for name in names:
            publish(root / folder / f"{name}.ipynb", f"print('{name}')")
    return root


def publish(path, *sources):
    """A notebook as the authors commit it: executed, paired, with what teachers need."""
    cells = [nbformat.v4.new_code_cell(source, execution_count=7) for source in sources]
    for cell in cells:
        cell.outputs = [nbformat.v4.new_output("stream", text="spoiled\n")]
        cell.metadata["nbgrader"] = {"solution": True, "grade_id": "x"}
    metadata = {"jupytext": {"formats": "ipynb,py:percent"}, "kernelspec": {"name": "python3", "display_name": "P"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)


def read(folder, name):
    return nbformat.read(folder / name, as_version=4)


def edit(folder, name, source):
    notebook = read(folder, name)
    notebook.cells[0].source = source
    nbformat.write(notebook, folder / name)


def test_the_first_page_has_the_map_and_stays_the_learners(course):
    work = course / "work"
    desk.lay(work, course)
    page = work / desk.FIRST
    assert page.read_text(encoding="utf-8") == desk.WELCOME  # a course without a table has no map
    shutil.copy(ROOT / "course.toml", course)
    desk.lay(work, course)
    with_map = page.read_text(encoding="utf-8")
    assert (
        with_map.startswith(desk.WELCOME)
        and "[01 Why learn to learn?](chapters/01_why_learn_to_learn.ipynb)" in with_map
    )
    page.write_text(with_map.replace("minutes", "hours"), encoding="utf-8")
    desk.lay(work, course)
    assert "hours" in page.read_text(encoding="utf-8")


def test_a_fresh_desk_has_no_outputs_and_nothing_of_the_authors(course):
    work = course / "work"
    done = desk.lay(work, course)
    assert done.new == ["chapters/00_a.ipynb", "chapters/01_b.ipynb", "exercises/01_b.ipynb"] and not str(done)
    for name in done.new:
        notebook = read(work, name)
        assert set(notebook.metadata) == {"kernelspec"} and "nbgrader" not in notebook.cells[0].metadata
        assert not notebook.cells[0].outputs and notebook.cells[0].execution_count is None
    found = {path.name for path in work.iterdir()}
    assert found == {"chapters", "exercises", desk.FIRST, desk.NOTES}
    assert not list(work.rglob("*.py"))


def test_what_is_laid_is_trusted_and_what_somebody_changed_is_not(course):
    work, name = course / "work", "chapters/00_a.ipynb"
    desk.lay(work, course)
    assert NotebookNotary().check_signature(read(work, name))
    edit(work, name, "another")
    assert not NotebookNotary().check_signature(read(work, name))


def test_where_nothing_can_be_signed_the_desk_is_laid(course, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(course / "chapters" / "00_a.ipynb" / "no folder"))
    assert len(desk.lay(course / "work", course).new) == 3


def test_a_second_visit_changes_nothing(course):
    work = course / "work"
    desk.lay(work, course)
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    done = desk.lay(work, course)
    assert not done.new and not done.renewed and not done.beside
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before


def test_edit_then_update_and_both_are_there(course):
    work, name = course / "work", "exercises/01_b.ipynb"
    desk.lay(work, course)
    edit(work, name, "my answer")
    publish(course / name, "the next version")
    done = desk.lay(work, course)
    assert done.beside == {name: "exercises/01_b.new.ipynb"} and "is yours and stays as it is" in str(done)
    assert read(work, name).cells[0].source == "my answer"
    assert read(work, "exercises/01_b.new.ipynb").cells[0].source == "the next version"
    assert not desk.lay(work, course).beside, "one version is laid beside once"
    publish(course / name, "the version after that")
    assert desk.lay(work, course).beside == {name: "exercises/01_b.new2.ipynb"}
    assert read(work, name).cells[0].source == "my answer"


def test_what_was_only_run_stays_too(course):
    work, name = course / "work", "chapters/00_a.ipynb"
    desk.lay(work, course)
    notebook = read(work, name)
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="an hour of training\n")]
    nbformat.write(notebook, work / name)
    publish(course / name, "the next version")
    assert name in desk.lay(work, course).beside and read(work, name).cells[0].outputs


def test_what_nobody_touched_is_brought_up_to_date(course):
    work, name = course / "work", "chapters/00_a.ipynb"
    desk.lay(work, course)
    publish(course / name, "the next version")
    assert desk.lay(work, course).renewed == [name]
    assert read(work, name).cells[0].source == "the next version"


def test_new_outputs_in_the_book_are_no_new_version(course):
    work, name = course / "work", "chapters/00_a.ipynb"
    desk.lay(work, course)
    edit(work, name, "mine")
    notebook = nbformat.read(course / name, as_version=4)
    notebook.cells[0].outputs = []
    nbformat.write(notebook, course / name)
    assert not desk.lay(work, course).beside


def test_a_deleted_notebook_comes_again(course):
    work, name = course / "work", "chapters/00_a.ipynb"
    desk.lay(work, course)
    (work / name).unlink()
    assert desk.lay(work, course).new == [name]


def renamed_course(course):
    """A desk laid when exercises were called as their chapter, and a course that calls them otherwise now."""
    desk.lay(course / "work", course)
    (course / "exercises" / "01_b.ipynb").rename(course / "exercises" / "01_b_exercises.ipynb")
    return course / "work", "exercises/01_b.ipynb", "exercises/01_b_exercises.ipynb"


def test_work_under_a_former_name_is_carried_over(course):
    work, was, now = renamed_course(course)
    edit(work, was, "my answer")
    shutil.copy(work / was, work / "exercises/01_b.new.ipynb")
    checkpoint = work / "exercises/.ipynb_checkpoints/01_b-checkpoint.ipynb"
    checkpoint.parent.mkdir()
    shutil.copy(work / was, checkpoint)
    publish(course / now, "the next version")
    done = desk.lay(work, course)
    assert done.renamed == {was: now} and f"{was} is called {now} now" in str(done)
    assert read(work, now).cells[0].source == "my answer" and not (work / was).exists()
    assert done.beside == {now: "exercises/01_b_exercises.new2.ipynb"}
    assert read(work, "exercises/01_b_exercises.new.ipynb").cells[0].source == "my answer"
    assert checkpoint.with_name("01_b_exercises-checkpoint.ipynb").exists()
    again = desk.lay(work, course)
    assert not (again.renamed or again.beside or again.new or again.renewed)


def test_an_untouched_notebook_takes_its_new_name_without_a_word(course):
    work, was, now = renamed_course(course)
    publish(course / now, "the next version")
    done = desk.lay(work, course)
    assert done.renewed == [now] and not str(done) and not (work / was).exists()
    assert read(work, now).cells[0].source == "the next version"


@pytest.mark.parametrize("lost", [False, True])
def test_what_has_the_new_name_already_is_not_replaced(course, lost):
    work, was, now = renamed_course(course)
    edit(work, was, "my answer")
    shutil.copy(work / was, work / now)
    edit(work, now, "my second answer")
    if lost:
        (work / desk.NOTES).unlink()
    done = desk.lay(work, course)
    assert not done.renamed and read(work, was).cells[0].source == "my answer"
    assert read(work, now).cells[0].source == "my second answer"


@pytest.mark.parametrize("notes", [None, "[1", "[]"])
def test_lost_notes_lose_no_work(course, notes):
    work, name = course / "work", "exercises/01_b.ipynb"
    desk.lay(work, course)
    edit(work, name, "my answer")
    (work / desk.NOTES).unlink() if notes is None else (work / desk.NOTES).write_text(notes)
    publish(course / name, "the next version")
    desk.lay(work, course)
    assert read(work, name).cells[0].source == "my answer"


def test_a_broken_notebook_is_the_learners_too(course):
    work, name = course / "work", "exercises/01_b.ipynb"
    desk.lay(work, course)
    (work / name).write_text("<<<<<<< a merge gone wrong")
    publish(course / name, "the next version")
    desk.lay(work, course)
    assert (work / name).read_text().startswith("<<<<<<<")


def test_a_moved_desk_is_known_again(course):
    work, name = course / "work", "exercises/01_b.ipynb"
    desk.lay(work, course)
    edit(work, name, "my answer")
    moved = course.parent / "elsewhere"
    shutil.move(work, moved)
    publish(course / name, "the next version")
    done = desk.lay(moved, course)
    assert list(done.beside) == [name] and not done.new and not (course / "work").exists()


@pytest.mark.parametrize("folder", [".", "chapters", "exercises", "solutions", "projects"])
def test_the_courses_own_folders_are_refused(course, folder):
    with pytest.raises(ValueError, match="a folder of its own"):
        desk.lay(course / folder, course)


def test_git_does_not_know_the_desk():
    assert "work/" in (ROOT / ".gitignore").read_text().splitlines()
    assert "tools.desk" in (ROOT / "Makefile").read_text()


def test_the_command_says_what_is_wrong(capsys, monkeypatch, tmp_path):
    assert desk.main(["a", "b"]) == 2 and "Usage" in capsys.readouterr().err
    assert desk.main([str(ROOT)]) == 1 and "a folder of its own" in capsys.readouterr().err
    assert desk.main([str(tmp_path)]) == 0 and capsys.readouterr().out == ""
    assert json.loads((tmp_path / desk.NOTES).read_text(encoding="utf-8"))
