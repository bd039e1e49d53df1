"""pyproject.toml, constraints.txt and environment.yml say the same about what the course needs."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent

# Where conda-forge calls a package by another name than pip does: the slimmer build, or another word.
CONDA_NAMES = {
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "nbconvert": "nbconvert-core",
    "playwright": "playwright-python",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [Requirement(line) for line in sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"])]


def lower_bound(specifier) -> str:
    (only,) = specifier  # one bound each: anything more belongs into constraints.txt
    assert only.operator == ">="
    return only.version


@pytest.fixture(scope="module")
def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pins = {}
    for requirement in requirements:
        (only,) = requirement.specifier
        assert only.operator == "==", requirement
        assert requirement.url is None and not requirement.extras and requirement.marker is None, requirement
        assert Version(only.version).local is None, f"{requirement}: a local version cannot be had everywhere"
        pins[canonicalize_name(requirement.name)] = only.version
    assert len(pins) == len(requirements), "a package is pinned twice"
    return pins


@pytest.fixture(scope="module")
def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_no_dependency_is_named_twice():
    names = [canonicalize_name(requirement.name) for requirement in DIRECT]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_every_direct_dependency_is_pinned_within_its_bound(requirement, pins):
    version = pins[canonicalize_name(requirement.name)]
    assert Version(version) >= Version(lower_bound(requirement.specifier))


def test_torch_is_pinned_since_the_newest_brings_cuda(pins):
    assert pins["torch"] == "2.13.0"


def test_conda_has_the_same_names_and_bounds(conda):
    def conda_name(name):
        return CONDA_NAMES.get(canonicalize_name(name), canonicalize_name(name))

    # Two extras are installed with pip alone: conda has no package that carries MathJax, or axe-core, in its place, and
    # no Meta-World.
    extras = PROJECT["optional-dependencies"]
    with_pip = {Requirement(line).name for name in ("book", "benchmarks") for line in extras[name]}
    direct = [requirement for requirement in DIRECT if requirement.name not in with_pip]
    expected = {conda_name(requirement.name): lower_bound(requirement.specifier) for requirement in direct}
    expected["python"] = PROJECT["requires-python"].removeprefix(">=")
    specs = [entry for entry in conda["dependencies"] if isinstance(entry, str) and entry != "pip"]
    found = {}
    for spec in specs:
        name, bound = re.fullmatch(r"([a-z0-9_-]+)>=([0-9.]+)", spec).groups()
        found[name] = bound
    assert found == expected
    assert len(found) == len(specs), "a package is named twice"


def test_conda_lets_pip_install_nothing_but_the_course(conda):
    assert conda["channels"] == ["conda-forge", "nodefaults"]
    assert "pip" in conda["dependencies"]
    assert [entry for entry in conda["dependencies"] if isinstance(entry, dict)] == [{"pip": ["-e ."]}]


def test_jupytext_pairs_as_agreed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["jupytext"]
    assert settings == {
        "formats": "ipynb,py:percent",
        "notebook_metadata_filter": "kernelspec,-jupytext",
        "cell_metadata_filter": "tags,nbgrader,-all",
    }
