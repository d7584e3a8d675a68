"""How many lines a framework asks of its user, as the docs count them."""

import io
import re
import tokenize
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PROGRAMS = {
    "fastapi": ["shop_fastapi.py"],
    "flask": ["shop_flask.py"],
    "django": ["shop_django/settings.py", "shop_django/urls.py", "shop_django/shop/return_handlers.py"],
}
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
MARKED = re.compile(r"^# returns-hub begins here$(.*)^# returns-hub ends here$", re.MULTILINE | re.DOTALL)


def lines_of_code(program: str) -> int:
    """The lines that are neither blank nor a comment nor a docstring."""
    lines: set[int] = set()
    begins = True
    for token in tokenize.generate_tokens(io.StringIO(program).readline):
        if token.type not in NO_CODE and not (begins and token.type == tokenize.STRING):
            lines |= set(range(token.start[0], token.end[0] + 1))
        begins = token.type in NO_CODE
    return len(lines)


@pytest.mark.parametrize("framework", PROGRAMS)
def test_a_shop_is_a_few_lines_as_counted_on_the_page(framework: str) -> None:
    programs = [(DOCS / "examples" / name).read_text("utf-8") for name in PROGRAMS[framework]]
    lines = sum(lines_of_code(marked[1] if (marked := MARKED.search(each)) else each) for each in programs)
    row = re.search(rf"^\| {{doc}}`{framework}` \| (\d+) \|", (DOCS / "webhooks.md").read_text("utf-8"), re.MULTILINE)
    assert row
    assert (lines, lines <= 25) == (int(row[1]), True)
