"""On the page that nbconvert makes of a notebook every img has its words (tests/test_pairs.py: it has some)."""

from html.parser import HTMLParser

import nbformat
import pytest
from nbconvert import HTMLExporter
from samples import chosen
from traitlets.config import Config

from tools.course import ROOT
from tools.lab_settings import FILES, PAGE
from tools.notebooks import VIEW

SHARE = 5
NOTEBOOKS = [
    path
    for number, path in enumerate(
        sorted(ROOT.glob("chapters/[0-9]*.ipynb")) + sorted(ROOT.glob("solutions/[0-9]*.ipynb"))
    )
    if chosen(number, SHARE)
]


class Images(HTMLParser):
    """Alternative texts of the img elements of a page; None where there is none."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.found.append(dict(attrs).get("alt"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_on_nbconverts_page_every_img_has_its_words(path):
    notebook = nbformat.read(path, as_version=4)
    outputs = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    still = [data for data in outputs if VIEW not in data and any(mime.startswith("image/") for mime in data)]
    config = Config(FILES["etc/jupyter/jupyter_nbconvert_config.json"])
    page = Images()
    page.feed(HTMLExporter(config=config, extra_template_basedirs=[str(PAGE)]).from_notebook_node(notebook)[0])
    assert len(page.found) >= len(still), "nbconvert shows an explorer as a widget, and all else as an img"
    poor = [words for words in page.found if len((words or "").split()) <= 5 or words.startswith("No description")]
    assert poor == []
