"""The installed vendors, found by entry points and imported when they are first asked for."""

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from returns_hub.adapter import Adapter
from returns_hub.errors import ConfigurationError, PluginError, suggestion

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ADAPTERS: Final = "returns_hub.adapters"
SANDBOXES: Final = "returns_hub.sandboxes"


def providers() -> tuple[str, ...]:
    """The names of the installed vendors, sorted. Nothing of theirs is imported."""
    return _names(ADAPTERS)


def sandboxes() -> tuple[str, ...]:
    """The names of the vendors whose package has a simulator, sorted. Nothing of theirs is imported."""
    return _names(SANDBOXES)


@functools.cache
def adapter_class(provider: str) -> type[Adapter]:
    """The adapter of a vendor.

    Raises:
        ConfigurationError: no such vendor is installed; the text names those that are.
        PluginError: its package cannot be used; the text names the distribution and the reason.
    """
    entry = _only_entry(ADAPTERS, provider)
    found = _load(entry)
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise PluginError(f"{_claim(entry)} names {entry.value}, which is not a subclass of returns_hub.Adapter")
    missing = [name for name in ("provider", "display_name", "base_urls", "capabilities") if not hasattr(found, name)]
    if missing:
        raise PluginError(f"{_claim(entry)}: {entry.value} does not set {', '.join(missing)}")
    if found.provider != provider:
        raise PluginError(
            f"{_claim(entry)}: {entry.value} calls itself {found.provider!r}; the entry point and the class attribute "
            "`provider` must be the same name"
        )
    return found


@functools.cache
def sandbox_class(provider: str) -> Callable[..., Any]:
    """What makes a vendor's simulator, an ASGI application.

    Raises:
        ConfigurationError: no installed vendor of this name has one; the text names those that do.
        PluginError: it cannot be imported; the text names the distribution and the reason.
    """
    entry = _only_entry(SANDBOXES, provider)
    found = _load(entry)
    if not callable(found):
        raise PluginError(f"{_claim(entry)} names {entry.value}, which cannot be called")
    simulator: Callable[..., Any] = found
    return simulator


def _entries(group: str) -> Iterable["EntryPoint"]:
    from importlib.metadata import entry_points

    return entry_points(group=group)


def _names(group: str) -> tuple[str, ...]:
    return tuple(sorted({entry.name for entry in _entries(group)}))


def _only_entry(group: str, provider: str) -> "EntryPoint":
    # One distribution can be found twice, for instance beside its own editable install.
    entries = {(_distribution(entry), entry.value): entry for entry in _entries(group) if entry.name == provider}
    if not entries:
        raise ConfigurationError(
            _unknown(provider, _names(group), what="sandbox" if group == SANDBOXES else "provider")
        )
    if len(entries) > 1:
        owners = " and ".join(sorted(f"{distribution} ({value})" for distribution, value in entries))
        raise PluginError(f"the provider {provider!r} is claimed by {owners}; uninstall all but one")
    return next(iter(entries.values()))


def _load(entry: "EntryPoint") -> Any:
    try:
        return entry.load()
    except Exception as error:  # a plugin may fail in any way when it is imported
        reason = f"{type(error).__name__}: {error}"
        raise PluginError(
            f"{_claim(entry)} cannot be imported ({reason[:300]}); install what it needs, or uninstall it"
        ) from error


def _claim(entry: "EntryPoint") -> str:
    return f"the distribution {_distribution(entry)}, which provides {entry.name!r},"


def _distribution(entry: "EntryPoint") -> str:
    return entry.dist.name if entry.dist is not None else "of an unknown name"


def _unknown(provider: str, known: tuple[str, ...], *, what: str) -> str:
    return f"there is no {what} {provider[:60]!r}{suggestion(provider, known)} Installed: {', '.join(known) or 'none'}"
