"""A folded part, `{folded} title`, and a living explorer, `{alive} file`: two directives of the web edition."""

from __future__ import annotations

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata


class details(nodes.container):  # docutils names its nodes like this
    """A part that opens when its summary is chosen."""


class summary(nodes.TextElement):
    """What stands on the folded part; a text element, so that it reaches the catalogues."""


class alive(nodes.container):
    """The place of an explorer. What stands in it is shown where no script runs."""


class Folded(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        part = details(classes=self.options.get("class", []))
        text, messages = self.state.inline_text(self.arguments[0], self.lineno)
        title = summary(self.arguments[0], "", *text)
        self.set_source_info(part)
        self.set_source_info(title)
        part += title
        self.state.nested_parse(self.content, self.content_offset, part)
        return [part, *messages]


class Alive(SphinxDirective):
    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        place = alive(file=self.arguments[0])
        self.set_source_info(place)
        self.state.nested_parse(self.content, self.content_offset, place)
        return [place]


def open_details(self, node):
    self.body.append(self.starttag(node, "details", CLASS="folded"))


def close_details(self, node):
    self.body.append("</details>\n")


def open_summary(self, node):
    self.body.append("<summary>")


def close_summary(self, node):
    self.body.append("</summary>\n")


def open_alive(self, node):
    self.body.append(self.starttag(node, "div", CLASS="alive", **{"data-explorer": node["file"]}))


def close_alive(self, node):
    self.body.append("</div>\n")


def nothing(self, node):
    pass


def whole(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Displayed formulas as they are written: Sphinx would put several lines into `split`, where no tag is allowed."""
    for formula in doctree.findall(nodes.math_block):
        if not formula.get("no-wrap"):
            formula["no-wrap"] = True
            formula.children = [nodes.Text(rf"\[{formula.astext()}\]")]


def setup(app: Sphinx) -> ExtensionMetadata:
    for node, visit, leave in (
        (details, open_details, close_details),
        (summary, open_summary, close_summary),
        (alive, open_alive, close_alive),
    ):
        app.add_node(node, html=(visit, leave), gettext=(nothing, nothing), text=(nothing, nothing))
    app.add_directive("folded", Folded)
    app.add_directive("alive", Alive)
    app.connect("doctree-resolved", whole)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
