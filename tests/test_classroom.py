"""The classroom without anybody's code being run: sets, what was handed in, how it is read and repaired."""

import re
import zipfile

import nbformat
import pytest

from classroom import pages, variants
from classroom.__main__ import main
from classroom.collect import collect, latest, whose
from classroom.course import Class
from classroom.feedback import page
from classroom.grading import prepare
from classroom.jobs import job
from classroom.key import Key
from classroom.reading import Unreadable, read
from classroom.release import release
from classroom.repair import place
from classroom.scan import refused
from tests import mutilated
from tools.course import ROOT
from tools.course import read as read_course
from tools.exercises import is_solution
from tools.pairs import read_source, sources

CHAPTERS = [
    py.stem.split("_")[0] for py in sources() if py.parent.name in ("solutions", "projects")
]  # "05", "07p" for a project


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    made = Class(tmp_path_factory.mktemp("a class ü"))
    for chapter in CHAPTERS:
        release(made, chapter)
    release(made, "05", "2027a")
    return made


@pytest.fixture(scope="module")
def key(group):
    return Key.read(group.key("05"))


@pytest.fixture
def source(group):
    return nbformat.read(group.source("05") / "05_maml_exercises.ipynb", as_version=4)


@pytest.fixture
def released(group):
    return nbformat.read(group.release("05") / "exercises" / "05_maml_exercises.ipynb", as_version=4)


def solution_lines(chapter):
    """The lines of a chapter's solutions and hidden tests that stand nowhere in what learners are meant to read."""
    py = next(p for p in sources() if p.parent.name in ("solutions", "projects") and p.stem.startswith(f"{chapter}_"))
    text = "\n".join(cell.source for cell in read_source(py).cells)
    regions = r"### BEGIN (SOLUTION|HIDDEN TESTS)\n(.*?)### END \1"
    visible = {line.strip() for line in re.sub(regions, "", text, flags=re.S).splitlines()}
    inside = "\n".join(found[2] for found in re.finditer(regions, text, re.S))
    return {line.strip() for line in inside.splitlines()} - visible


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_release_gives_no_solution_away(group, chapter):
    folder = group.release(chapter)
    lines = {
        line
        for line in solution_lines(chapter)
        if len(line) > 12 and not re.fullmatch(r"for \w+ in range\(\w+\):", line)
    }
    assert len(lines) >= 8
    exercises = next((folder / "exercises").glob("*.ipynb"))
    for path in folder.rglob("*"):
        assert path.suffix in (".ipynb", ".md", ""), path
        if path.suffix not in (".ipynb", ".md"):
            continue
        text = path.read_text(encoding="utf-8")
        assert "BEGIN SOLUTION" not in text and "HIDDEN TESTS" not in text
        if path.suffix == ".ipynb":
            code = [c.source for c in nbformat.reads(text, as_version=4).cells if c.cell_type == "code"]
            found = lines & {line.strip() for cell in code for line in cell.splitlines()}
            # A chapter may write the same single line in another function; an exercise may not.
            assert not found or (path != exercises and len(found) <= 4), (path.name, found)
    answers = [c for c in nbformat.read(exercises, as_version=4).cells if is_solution(c)]
    assert all("# YOUR CODE HERE" in cell.source for cell in answers)


def test_release_has_a_package_that_can_be_installed_and_no_solutions(tmp_path):
    key, _ = release(Class(tmp_path), "01", package=True)
    folder = Class(tmp_path).release("01")
    there = {p.relative_to(folder).parts[0] for p in folder.rglob("*")}
    assert there == {
        "LICENSE", "README.md", "READ_ME_FIRST.md", "chapters", "constraints.txt", "exercises", "metarl_core",
        "pyproject.toml",
    }  # fmt: skip
    assert not [p for p in folder.rglob("*") if p.suffix == ".pyc"]


def test_set_is_what_the_exercises_are(group, key, released):
    exercises = nbformat.read(ROOT / "exercises" / "05_maml_exercises.ipynb", as_version=4)
    code = [[c.source for c in n.cells if c.cell_type == "code"] for n in (released, exercises)]
    assert code[0] == code[1]
    assert key.points == 18 and len(key.checks) == 5 and sum(bool(c.hidden) for c in key.checks) >= 3
    for cell in released.cells:
        marks = cell.metadata.get("nbgrader")
        if marks and marks.grade:
            assert marks.locked and marks.checksum and cell.metadata.editable is False


def test_links_of_a_set_lead_somewhere(group):
    from tests.test_links import broken

    for name in ("05", "05-2027a", "07p"):
        folder = group.release(name)
        for path in (*folder.rglob("*.ipynb"), *folder.rglob("*.md")):
            assert list(broken(path, folder)) == [], path


@pytest.mark.parametrize("chapter", [c for c in CHAPTERS if not c.endswith("p")])
def test_variants_find_every_text_that_they_replace(chapter):
    for variant in ("2027a", "2027b", "evening"):
        notebook = read_source(
            next(p for p in sources() if p.parent.name == "solutions" and p.stem.startswith(chapter))
        )
        before = len(notebook.cells)
        variants.vary(notebook, chapter, variant)
        text = "\n".join(cell.source for cell in notebook.cells)
        assert len(notebook.cells) == before and f'of_class("ch{chapter}", "{variant}")' in text
        for pair in variants.TEXTS.get(chapter, ()):
            assert pair.course not in text or "quarter" not in pair.course


def test_classes_get_different_numbers_and_the_same_word_the_same():
    texts = {}
    for variant in ("a", "b", "c", "d", "e", "f", "a"):
        notebook = read_source(ROOT / "solutions" / "04_policy_gradient_agents.py")
        variants.vary(notebook, "04", variant)
        text = "\n".join(c.source for c in notebook.cells).replace(f'"{variant}"', "")
        assert texts.setdefault(variant, text) == text
    assert len(set(texts.values())) >= 3
    with pytest.raises(ValueError, match="a variant is a word"):
        variants.vary(notebook, "04", "two words")


# --- what was handed in


@pytest.mark.parametrize("name", mutilated.RIGHT)
def test_answers_are_found_in(name, key, source, tmp_path):
    path = tmp_path / ("x.py" if name == "as_a_script" else "x.ipynb")
    path.write_text(mutilated.RIGHT[name](mutilated.solved(source)), encoding="utf-8", newline="")
    whole = tmp_path / "whole.ipynb"
    whole.write_text(mutilated.text(mutilated.solved(source)), encoding="utf-8")
    found, right = place(key, read(path)), place(key, read(whole))
    assert [a.found for a in found] == [True] * 5
    for one, other in zip(found, right, strict=True):
        if one.grade_id != "maml_gradient" or name not in ("split_between_definitions",):
            assert plain(one.code) == plain(other.code), one.grade_id
    if name == "split_between_definitions":
        assert "def average" in found[0].helpers and "import itertools as it" in found[0].helpers
    if name == "copied":
        assert any("several cells" in words for words in found[0].remarks)


def plain(code):
    return "\n".join(line.rstrip() for line in code.splitlines() if line.strip())


def test_a_stub_that_was_copied_behind_the_answer_does_not_count(key, source, released, tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(mutilated.copy_left_as_stub(mutilated.solved(source), released), encoding="utf-8")
    assert "torch.autograd.grad" in place(key, read(path))[0].code


def test_truncated_files_are_graded_as_far_as_they_go(key, source, tmp_path):
    whole = mutilated.text(mutilated.solved(source))
    path = tmp_path / "x.ipynb"
    counts = []
    for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.999):
        path.write_text(whole[: int(share * len(whole))], encoding="utf-8")
        one = prepare(key, "ada", path, "")
        if one.unreadable:
            counts.append(0)
            continue
        assert any("broken after its cell" in words for words in one.remarks)
        counts.append(sum(a.found for a in one.answers))
    assert counts == sorted(counts) and counts[-1] == 5 and counts[0] <= 1


def test_what_is_no_notebook_gets_one_sentence(key, source, tmp_path):
    for name, (data, words) in mutilated.broken(mutilated.solved(source)).items():
        path = tmp_path / "x.ipynb"
        path.write_bytes(data)
        one = prepare(key, "ada", path, "")
        assert words in one.unreadable and one.unreadable[-1] in ".?" and "\n" not in one.unreadable, (name, one)
    with pytest.raises(Unreadable, match="cannot be opened"):
        read(tmp_path / "nothing.ipynb")


def test_a_renamed_function_and_a_missing_one_are_said(key, source, tmp_path):
    notebook = mutilated.solved(source)
    cell = notebook.cells[mutilated.position(notebook, "maml_gradient")]
    cell.source = cell.source.replace("def maml_gradient", "def my_gradient")
    del notebook.cells[mutilated.position(notebook, "meta_optimum")]
    path = tmp_path / "x.ipynb"
    path.write_text(mutilated.text(notebook), encoding="utf-8")
    one = prepare(key, "ada", path, "")
    assert "maml_gradient: the cell makes `my_gradient`, and asked for is `maml_gradient`" in one.remarks
    assert one.verdicts["check_meta_optimum"].message == "No cell of what you handed in defines `meta_optimum`."
    assert {task["id"] for task in one.tasks} == {
        "check_maml_gradient", "check_quadratic_meta_gradient", "check_meta_loss", "check_second_order",
    }  # fmt: skip


def test_a_question_of_four_numbers_may_be_answered_in_four_cells(group, tmp_path):
    key = Key.read(group.key("02"))
    notebook = mutilated.solved(nbformat.read(next(group.source("02").glob("*.ipynb")), as_version=4))
    at = mutilated.position(notebook, "floors")
    names = ("floor_zero", "floor_agnostic", "floor_phase_known", "floor_amplitude_known")
    notebook.cells[at : at + 1] = [
        nbformat.v4.new_code_cell(f"ratio = 2\n{name} = {number} * ratio") for number, name in enumerate(names)
    ]
    path = tmp_path / "x.ipynb"
    path.write_text(mutilated.text(notebook), encoding="utf-8")
    answer = place(key, read(path))[-1]
    assert all(f"{name} = {number} * ratio" in answer.code for number, name in enumerate(names))


def test_a_job_runs_what_a_check_needs_and_no_more(key, source, tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(mutilated.text(mutilated.solved(source)), encoding="utf-8")
    answers = place(key, read(path))
    tasks = {check.grade_id: job(key, answers, check) for check in key.checks}
    labels = [cell["label"] for cell in tasks["check_meta_loss"]["cells"]]
    assert labels[-3:] == ["answer meta_loss", "the check", "further tests"]
    assert not {"answer maml_gradient", "answer second_order"} & set(labels)


@pytest.mark.parametrize(
    "code",
    [
        "x = ch05.check_meta_loss.subject.oracle",
        "ch05.check_meta_loss = print",
        "ch05.check_meta_loss.judge = print",
        "setattr(ch05, 'check_meta_loss', print)",
        "import metarl_core.check as c",
        "from metarl_core.check.functions import Subject",
        "from metarl_core.check.ch02 import oracles",
        "from metarl_core.check import Check",
        "vars(ch05)",
        "ch05.__dict__",
    ],
)
def test_what_touches_the_check_is_refused(code):
    assert refused(code)


def test_what_everybody_writes_is_not_refused():
    for py in sources():
        if py.parent.name in ("solutions", "projects"):
            for cell in read_source(py).cells:
                if is_solution(cell):
                    assert refused(cell.source) == "", py.name


# --- collecting


def test_whose_a_file_is():
    from pathlib import PurePosixPath as P

    assert whose(P("ada/x.ipynb"), {}) == "ada"
    assert whose(P("Ada Lovelace_123456_assignsubmission_file_/x.ipynb"), {}) == "Ada_Lovelace"
    assert whose(P("lovelaceada_1234_567890_05_maml.ipynb"), {}) == "lovelaceada"
    assert whose(P("lovelaceada_LATE_1234_567890_05_maml.ipynb"), {}) == "lovelaceada"
    assert whose(P("ada__05_maml.ipynb"), {}) == "ada"
    assert whose(P("../../x.ipynb"), {}) == "unnamed"
    known = {"adalovelace": "al1", "lovelaceada": "al1"}
    assert whose(P("Ada Lovelace_123456_assignsubmission_file_/x.ipynb"), known) == "al1"
    assert whose(P("eve/x.ipynb"), known) == ""


def test_collecting_counts_attempts_and_keeps_what_was_before(tmp_path, group):
    made, downloads = Class(tmp_path / "class"), tmp_path / "downloads"
    for student, data in (("ada", "one"), ("bob", "two")):
        (downloads / student).mkdir(parents=True)
        (downloads / student / "x.ipynb").write_text(data)
    assert collect(made, "05", downloads)[-1] == "05: 2 students, 2 new or changed."
    assert collect(made, "05", downloads)[-1] == "05: 2 students, 0 new or changed."
    (downloads / "ada" / "x.ipynb").write_text("three")
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.write(downloads / "ada" / "x.ipynb", "ada/x.ipynb")
        opened.writestr("../../evil.ipynb", "outside")
    collect(made, "05", archive)
    path, _, attempts = latest(made, "ada", "05")
    assert path.read_text() == "three" and attempts == 2
    assert (made.submitted("ada", "05") / ".earlier" / "1" / "x.ipynb").read_text() == "one"
    assert made.students("05") == ["ada", "bob"] and not list(tmp_path.rglob("evil.ipynb"))
    with pytest.raises(ValueError, match="is no zip"):
        collect(made, "05", downloads / "ada" / "x.ipynb")
    with pytest.raises(ValueError, match="there is no"):
        collect(made, "05", tmp_path / "nowhere")


def test_roster_names_students_and_says_who_is_unknown(tmp_path):
    made, downloads = Class(tmp_path / "class"), tmp_path / "downloads"
    for folder in ("Ada Lovelace_1_assignsubmission_file_", "Eve_2_assignsubmission_file_"):
        (downloads / folder).mkdir(parents=True)
        (downloads / folder / "x.ipynb").write_text(folder)
    names = tmp_path / "roster.csv"
    names.write_text("id,name\nal1,Ada Lovelace\n")
    said = collect(made, "05", downloads, names)
    assert made.students("05") == ["al1"] and any("knows nobody" in words for words in said)
    names.write_text("../x,Ada\n")
    with pytest.raises(ValueError, match="a student's id has"):
        collect(made, "05", downloads, names)


# --- commands


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("release", "99"), "chapter 99 has no exercises."),
        (("release", "maml"), "a chapter is named by its number"),
        (("release", "05", "--variant", "a b"), "a variant is a word"),
        (("grade", "05"), "no set in"),
        (("collect", "05", "."), "no set in"),
        (("feedback", "05"), "no set in"),
        (("report", "05"), "no set in"),
    ],
)
def test_commands_say_what_is_wrong(arguments, words, tmp_path, capsys):
    assert main(["--course", str(tmp_path), *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and said.startswith(f"{arguments[0]}: ")


def test_feedback_escapes_what_students_write():
    record = {
        "student": "<b>", "set": "05", "file": "<x>.ipynb", "attempts": 1, "points": 0, "of": 2, "unreadable": "",
        "remarks": ["<i>"], "answers": {"x": "<script>alert(1)</script>"},
        "exercises": [
            {"grade_id": "check_x", "exercise": 1, "title": "A & B", "points": 0, "of": 2, "kind": "value",
             "message": "`x` is <not> right", "output": "<img src=x>", "remarks": [], "misconception": None}
        ],
    }  # fmt: skip
    text = page(record)
    assert "<script" not in text and "<img" not in text and "&lt;not&gt;" in text and "<code>x</code>" in text
    assert "http" not in text


def test_class_folder_is_unknown_to_git():
    assert "class/" in (ROOT / ".gitignore").read_text().split()


def test_pages_are_those_of_the_course():
    """`python -m classroom pages` brings them up to date."""
    assert [path.name for path in pages.files() if pages.page(path) != path.read_text(encoding="utf-8")] == []
    chapters = {c.stem for c in read_course().ready if not c.appendix_to}
    assert {path.stem for path in pages.files()} == chapters
    for path in pages.files():
        text = path.read_text(encoding="utf-8")
        for heading in ("Pacing", "To start a discussion", "Misconceptions", "Rubric", "What to skip"):
            assert f"## {heading}\n" in text, (path.name, heading)


def test_page_for_teachers_names_every_command():
    text = (ROOT / "classroom" / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("release", "collect", "grade", "feedback", "report"):
        assert f"make {target}" in text and f"\n{target}:" in makefile
    assert "A public repository cannot hide its tests" in text
