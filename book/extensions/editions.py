"""Links from a page to the same page in another language, and a word where a page is not translated."""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from tools.web.catalogues import translated

NAMES = {"en": "English", "zh_CN": "中文"}
UNTRANSLATED = {"zh_CN": "本页尚未翻译，以下为英文原文。"}


def tell(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    language = app.config.language
    known = app.config.editions
    up = "../" * page.count("/")
    here = "" if language == "en" else "../"
    context["other_editions"] = [
        {"name": NAMES.get(other, other), "code": other.replace("_", "-"),
         "url": f"{up}{here}{'' if other == 'en' else other + '/'}{page}.html"}
        for other in known
        if other != language
    ]  # fmt: skip
    context["note_untranslated"] = UNTRANSLATED.get(language, "This page is not translated yet.")
    context["untranslated"] = language != "en" and doctree is not None and page not in translated(language)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_config_value("editions", [], "html", list)
    app.connect("html-page-context", tell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
