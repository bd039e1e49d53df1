"""What `make lab` sets up in the course's own environment, and in no other."""

import json
import sys
from pathlib import Path

import jupyterlab

from tools.course import ROOT
from tools.lab_settings import FILES, made_for_the_course, write


def test_only_the_courses_own_environment_is_set_up(tmp_path):
    assert made_for_the_course(ROOT / ".venv") and made_for_the_course(tmp_path / "envs" / "metarl")
    assert not made_for_the_course(tmp_path / "envs" / "base")


def test_settings_are_written_once_and_beside_others(tmp_path):
    other = tmp_path / "etc/jupyter/jupyter_server_config.d/nbgrader.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    write(tmp_path)
    found = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    page = {f"share/jupyter/nbconvert/templates/metarl/{name}" for name in ("conf.json", "index.html.j2")}
    assert set(found) == {*FILES, *page, other.relative_to(tmp_path).as_posix()} and other.read_text() == "{}"
    assert all(json.loads(found[name].read_text()) == content for name, content in FILES.items())
    before = {name: path.stat().st_mtime_ns for name, path in found.items()}
    write(tmp_path)
    assert {name: path.stat().st_mtime_ns for name, path in found.items()} == before


def test_a_setting_of_an_earlier_version_is_replaced(tmp_path):
    name = next(iter(FILES))
    write(tmp_path)
    (tmp_path / name).write_text("{}")
    write(tmp_path)
    assert json.loads((tmp_path / name).read_text()) == FILES[name]


def test_the_names_of_settings_are_known_to_lab():
    """A name that no schema has is ignored in silence."""
    schemas = Path(jupyterlab.__file__).parent / "schemas", *Path(sys.prefix).glob("share/jupyter/lab*")
    for plugin, settings in FILES["share/jupyter/lab/settings/overrides.json"].items():
        place = f"{plugin.replace(':', '/')}.json"
        found = [path for folder in schemas for path in folder.rglob("*.json") if path.as_posix().endswith(place)]
        assert found and set(settings) <= set(json.loads(found[0].read_text())["properties"]), plugin
