"""Sphinx's settings for the web edition. `make book` runs it on pages that tools/web has laid; nothing is executed."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "extensions"))

from tools.course import read  # noqa: E402
from tools.web.catalogues import LOCALE  # noqa: E402

course = read()
project = course.title
author = "The Meta-RL from Scratch authors"
copyright = f"{author}. MIT licence"
html_show_copyright = True
version = release = __import__("metarl_core").__version__

extensions = [
    "myst_nb",
    "sphinx.ext.mathjax",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "folded",
    "docstrings",
    "editions",
]
exclude_patterns = ["_static", "_templates", "extensions", "pictures"]
templates_path = ["_templates"]
language = "en"
default_role = "code"  # in docstrings, as in Markdown
smartquotes = False  # quotation marks and minus signs are the authors'
nitpicky = False

# Notebooks: as they were committed.
nb_execution_mode = "off"
nb_ipywidgets_js = {}
nb_render_markdown_format = "myst"
nb_number_source_lines = False
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline"]
myst_dmath_double_inline = True
myst_heading_anchors = 4
myst_links_external_new_tab = False
myst_url_schemes = ["http", "https", "mailto"]

# Formulas: MathJax from an installed package, copied beside the pages.
mathjax_path = "mathjax/tex-chtml.js"

# The package.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
autosummary_generate = False
add_module_names = False
toc_object_entries = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
python_display_short_literal_types = True

# Translations: all words pass through catalogues.
locale_dirs = [str(LOCALE)]
gettext_compact = False
gettext_uuid = False
gettext_location = False

# The page.
html_theme = "sphinx_book_theme"
html_title = course.title
html_static_path = ["_static"]
html_sidebars = {"**": ["navbar-logo.html", "search-button-field.html", "editions.html", "sbt-sidebar-nav.html"]}
html_css_files = ["explorer/adaptation.css", "book.css"]
html_favicon = "_static/star.svg"
html_context = {"default_mode": "auto"}
html_js_files = [("explorers.js", {"type": "module"}), ("book.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None
html_domain_indices = False
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "use_issues_button": False,
    "show_toc_level": 2,
    "show_navbar_depth": 1,
    "max_navbar_depth": 3,
    "home_page_in_toc": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "back_to_top_button": False,
    "navbar_persistent": [],
    "extra_footer": "",
}
editions = os.environ.get("METARL_BOOK_EDITIONS", "").split()
suppress_warnings = ["mystnb.unknown_mime_type"]
