"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

ConfigPath: TypeAlias = Annotated[Path | None, Parameter(parse=False)]
"""What ``--config`` says, before or after the command's name; None: returns-hub.toml of the current directory."""

Grace: TypeAlias = Annotated[float, Parameter(validator=Number(gt=0), show_default=True)]
"""How long what is in hand may take at the end, in seconds."""

Limit: TypeAlias = Annotated[int | None, Parameter(validator=Number(gte=1))]
"""How many lines at most; None leaves it to the command."""

DEFAULT_PARAMETER: Final = Parameter(negative=(), show_default=False)
"""What all parameters of all commands have in common."""

# The words as the model has them: ready_to_ship, where cyclopts would make it ready-to-ship.
VOCABULARY: Final = Parameter(name_transform=str.lower)
