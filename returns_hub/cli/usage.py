"""What is said of a command line that cannot be meant: one sentence with what, and what to do."""

from collections.abc import Iterable
from datetime import date, datetime
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final, get_args

from cyclopts import App, CycloptsError
from cyclopts.exceptions import (
    CoercionError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
    ValidationError,
)

from returns_hub.cli.output import clean

_KINDS: Final[dict[Any, str]] = {
    date: "a date such as 2024-12-30",
    datetime: "a date or a time such as 2024-12-30T14:00",
    int: "a whole number",
    float: "a number",
    bool: "no value, or true or false",
}


def describe_usage_error(error: CycloptsError, app: App) -> str:
    """The sentence for an error of the command line."""
    command = " ".join(error.command_chain or ())
    more = "; " + " ".join(f"returns-hub {command} --help".split()) + " says more"
    name = error.argument.name if error.argument else ""
    match error:
        case MissingArgumentError(keyword=keyword) if keyword is not None:
            return f"{keyword} needs a value{more}"
        case MissingArgumentError():
            return f"{command} needs {name}{more}"
        case UnusedCliTokensError(unused_tokens=[token, *_]):
            return f"{command} takes no argument {_shown(token)}{more}"
        case UnknownCommandError(unused_tokens=[token, *_]) if token.startswith("-"):
            return f"there is no option {_shown(token)}{_near(token, _options(app.meta)) or more}"
        case UnknownCommandError(unused_tokens=[token, *_]):
            known = [each for each in error.app or app if not each.startswith("-")]
            return f"there is no command {_shown(token)}{_near(token, known) or more}"
        case UnknownOptionError(token=token):
            option = token.keyword or token.value
            return f"there is no option {_shown(option)}{_near(option, _named(error)) or more}"
        case CoercionError(token=token, target_type=kind) if token is not None:
            choices = _choices(kind)
            wanted = f"one of {', '.join(choices)}" if choices else _KINDS.get(kind)
            if wanted is not None:
                hint = _near(token.value, choices)
                return f"{token.keyword or name} takes {wanted}, not {_shown(token.value)}{hint}"
        case ValidationError(exception_message=problem) if problem.startswith("Must ") and error.argument:
            given = [_shown(token.value) for token in error.argument.tokens]
            return f"{name} {problem[0].lower()}{problem[1:].rstrip('.')}, not {' '.join(given)}"
    return str(error)


def _options(app: App) -> list[str]:
    return [name for argument in app.assemble_argument_collection() for name in argument.names]


def _named(error: UnknownOptionError) -> list[str]:
    return [name for argument in error.argument_collection or () for name in argument.names]


def _choices(kind: Any) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(member.value) for member in kind]
    return [each for each in get_args(kind) if isinstance(each, str)]


def _near(text: str, known: Iterable[str]) -> str:
    near = get_close_matches(text, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _shown(token: str) -> str:
    return repr(clean(token[:80]))
