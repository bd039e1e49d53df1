"""The same page in other languages: links from one to the other, a word where one is missing, and a Chinese search."""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.search.zh import SearchChinese
from sphinx.util.typing import ExtensionMetadata

from tools.web.catalogues import translated

NAMES = {"en": "English", "zh_CN": "中文"}
UNTRANSLATED = {"zh_CN": "本页尚未翻译，以下为英文原文。"}


class Chinese(SearchChinese):
    """Clauses, and pairs of characters: both are found without a dictionary of words."""

    language_name = "English"  # whose stemmer the page has, for words in Latin letters

    def split(self, input: str) -> list[str]:
        clauses = re.findall(r"[\u4e00-\u9fff]+", input)
        pairs = [clause[at : at + 2] for clause in clauses for at in range(len(clause) - 1)]
        return [*clauses, *pairs, *super().split(input)]


def tell(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    language = app.config.language
    up = "../" * page.count("/")
    here = "" if language == "en" else "../"
    context["other_editions"] = [
        {
            "name": NAMES.get(other, other),
            "code": other.replace("_", "-"),
            "url": f"{up}{here}{'' if other == 'en' else other + '/'}{page}.html",
        }
        for other in app.config.editions
        if other != language
    ]
    context["note_untranslated"] = UNTRANSLATED.get(language, "This page is not translated yet.")
    context["untranslated"] = language != "en" and doctree is not None and page not in translated(language)
    if make := context.get("generate_toctree_html"):
        context["generate_toctree_html"] = lambda *args, **kwargs: named(make(*args, **kwargs))


def named(contents):
    """The table of contents with a name, for a screen reader, on each arrow that opens a part of it."""
    for arrow in getattr(contents, "find_all", lambda tag: [])("summary"):
        arrow["aria-label"] = arrow.find_parent("li").find("a").get_text()
    return contents


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_config_value("editions", [], "html", list)
    app.add_search_language(Chinese)
    app.connect("html-page-context", tell, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
