"""Which code a script depends on, and which edits change its digest."""

import textwrap

import pytest

from metarl_core.results import code_digest, modules_below

PACKAGE = {
    "metarl_core/__init__.py": "from metarl_core.registration import register\nregister()\n",
    "metarl_core/registration.py": "def register():\n    pass\n",
    "metarl_core/tasks/__init__.py": """
        from metarl_core.tasks.points import Points
        from .grids import Grids
        __all__ = ["Grids", "Points"]
        """,
    "metarl_core/tasks/points.py": """
        from collections.abc import Sequence
        from metarl_core.arithmetic import half
        from metarl_core.notes import Note

        class Points:
            '''Points on a line.'''

            scale: float = 2.0
            '''of the line'''

            def move(self, by: float, note: Note | None = None) -> float:
                # Half a step.
                return half(by) * self.scale
        """,
    "metarl_core/tasks/grids.py": "class Grids:\n    size = 3\n",
    "metarl_core/arithmetic.py": "import math\n\ndef half(x):\n    return math.floor(x / 2)\n",
    "metarl_core/notes.py": "class Note:\n    pass\n",
    "metarl_core/plotting.py": "COLOUR = 'blue'\n",
    "experiments/other.py": "from metarl_core.tasks import Grids\n\ndef size():\n    return Grids.size\n",
}
SCRIPT = "from metarl_core import plotting\nfrom metarl_core.tasks import Points\nPoints().move(1.0)\nplotting.COLOUR\n"


@pytest.fixture
def root(tmp_path):
    for name, text in PACKAGE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return tmp_path


def edit(root, name, was, now):
    path = root / name
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, now))
    # The same second and size must not hide an edit.
    path.touch()


def test_names_lead_to_the_modules_that_define_them(root):
    below = modules_below(SCRIPT, root=root)
    assert below == ["metarl_core.arithmetic", "metarl_core.plotting", "metarl_core.tasks.points"]
    assert modules_below(SCRIPT, ["metarl_core.plotting"], root) == below[:1] + below[2:]
    assert modules_below("from experiments.other import size\nsize()\n", root=root) == [
        "experiments.other",
        "metarl_core.tasks.grids",
    ]


@pytest.mark.parametrize(
    "script, expected",
    [
        ("import metarl_core.arithmetic\n", ["metarl_core.arithmetic"]),
        ("import metarl_core.arithmetic as a\na.half(1)\n", ["metarl_core.arithmetic"]),
        ("from metarl_core import arithmetic\narithmetic.half(1)\n", ["metarl_core.arithmetic"]),
        ("from metarl_core.arithmetic import *\n", ["metarl_core.arithmetic"]),
        ("def f():\n    from metarl_core.arithmetic import half\n    return half(1)\n", ["metarl_core.arithmetic"]),
        ("import metarl_core\n", ["metarl_core", "metarl_core.registration"]),
        ("from metarl_core.tasks import Grids\n\ndef f(grid: Grids):\n    pass\n", []),
        ("from metarl_core import tasks\ntasks.Grids\n", None),
        ("import numpy\nnumpy.zeros(1)\n", []),
    ],
)
def test_all_ways_to_import(root, script, expected):
    below = modules_below(script, root=root)
    if expected is None:  # a package as such: all that it offers
        expected = [
            "metarl_core.arithmetic",
            "metarl_core.tasks",
            "metarl_core.tasks.grids",
            "metarl_core.tasks.points",
        ]
    assert below == expected


@pytest.mark.parametrize(
    "name, was, now",
    [
        ("metarl_core/tasks/points.py", "# Half a step.", "# By half."),
        ("metarl_core/tasks/points.py", "'''Points on a line.'''", "'''Points.'''"),
        ("metarl_core/tasks/points.py", "'''of the line'''", ""),
        ("metarl_core/tasks/points.py", "scale: float", "scale: int"),
        ("metarl_core/tasks/points.py", "by: float, note: Note | None = None) -> float", "by, note=None)"),
        ("metarl_core/tasks/points.py", "from collections.abc import Sequence\n", ""),
        ("metarl_core/tasks/points.py", "class Points", "\n\n\nclass Points"),
        ("metarl_core/tasks/points.py", "half(by) * self.scale", "(half(by)  *  self.scale)"),
        ("metarl_core/tasks/grids.py", "size = 3", "size = 4"),
        ("metarl_core/notes.py", "pass", "x = 1"),
        ("metarl_core/registration.py", "pass", "return 1"),
        ("metarl_core/plotting.py", "blue", "red"),
        ("metarl_core/tasks/__init__.py", "from .grids import Grids\n", ""),
        ("metarl_core/arithmetic.py", "import math\n", "import math\nimport os\n"),
    ],
)
def test_what_cannot_change_a_number_changes_no_digest(root, name, was, now):
    before = code_digest(SCRIPT, root=root)
    edit(root, name, was, now)
    assert code_digest(SCRIPT, root=root) == before


@pytest.mark.parametrize(
    "name, was, now",
    [
        ("metarl_core/tasks/points.py", "half(by) * self.scale", "self.scale * half(by)"),
        ("metarl_core/tasks/points.py", "= 2.0", "= 3.0"),
        ("metarl_core/tasks/points.py", "scale: float", "scale: ClassVar[float]"),
        ("metarl_core/tasks/points.py", "= None", "= 0"),
        ("metarl_core/arithmetic.py", "x / 2", "x / 2.0"),
        ("metarl_core/arithmetic.py", "import math", "import numpy as math"),
        ("metarl_core/tasks/__init__.py", "from metarl_core.tasks.points", "from metarl_core.tasks.grids"),
    ],
)
def test_what_can_change_a_number_changes_the_digest(root, name, was, now):
    before = code_digest(SCRIPT, root=root)
    edit(root, name, was, now)
    assert code_digest(SCRIPT, root=root) != before


def test_the_script_counts_too_unless_it_is_left_out(root):
    digests = [code_digest(text, root=root) for text in (SCRIPT, SCRIPT + "# end\n", SCRIPT.replace("1.0", "2.0"))]
    assert digests[0] == digests[1] != digests[2]
    bare = [code_digest(text, root=root, own_code=False) for text in (SCRIPT, SCRIPT.replace("1.0", "2.0"))]
    assert bare[0] == bare[1]
    path = root / "script.py"
    path.write_text(SCRIPT)
    assert code_digest(path, root=root) == digests[0]


def test_plotting_counts_where_it_is_not_left_out(root):
    before = code_digest(SCRIPT, (), root)
    edit(root, "metarl_core/plotting.py", "blue", "red")
    assert code_digest(SCRIPT, (), root) != before


def test_the_package_itself():
    """A training leads down to parameters and to the form of few-shot data, and not to figures or rollouts."""
    script = "from metarl_core.meta import MAML\nMAML\n"
    below = modules_below(script)
    assert "metarl_core.meta.supervised.maml" in below and "metarl_core.parameters" in below
    assert not any("plotting" in module or "policies" in module or "rollout" in module for module in below)
