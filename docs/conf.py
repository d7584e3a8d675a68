"""The documentation site. Its tables are generated from the code's own tables at every build."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from returns_hub import __version__

project = "returns-hub"
author = "the returns-hub developers"
copyright = "2026, the returns-hub developers"  # noqa: A001 - Sphinx reads this name
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "generated"]
source_suffix = {".md": "markdown"}
exclude_patterns = [
    "_build",
    "_generated/*",
    "measured/*",
    "examples/*",
    "providers/*-fields.md",
    "providers/*-events.md",
]
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
html_theme = "furo"
html_title = "returns-hub"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False

# What is copied is what is typed: without prompts, and without the output below them.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
