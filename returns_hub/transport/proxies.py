"""The proxy of a host, by the environment's usual variables."""

import re
from importlib.util import find_spec
from typing import Final

from returns_hub.errors import ConfigurationError
from returns_hub.transport.urls import Origin

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_PROXY: Final = re.compile(
    r"(?P<scheme>https?|socks5h?)://([^\s/@]*@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>\d{1,5}))?/?\Z",
    re.IGNORECASE,
)


def proxy_of(origin: Origin) -> str | None:
    """The proxy for requests to a host: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, unless ``NO_PROXY`` names the host.

    Loopback, where sandboxes are, is reached without one. Asked for each host: a vendor's second host may have another.

    Raises:
        ConfigurationError: the address of the proxy is malformed, or is of a kind that cannot be used. It is not
            quoted, for it may hold a password.
    """
    from urllib.request import getproxies, proxy_bypass

    host = origin.host.strip("[]")
    if origin.host in _LOOPBACK or proxy_bypass(host) or proxy_bypass(f"{host}:{origin.port}"):
        return None
    proxies = getproxies()
    proxy = proxies.get(origin.scheme) or proxies.get("all")
    if proxy is None:
        return None
    del proxies
    problem = problem_of(proxy)
    if problem:
        # A traceback that shows local variables must not show the password.
        del proxy
        raise ConfigurationError(f"the proxy that the environment names for {origin} {problem}")
    return proxy


def problem_of(proxy: str) -> str:
    """What is wrong with the address of a proxy, in words that go behind its name; nothing if it is right."""
    match = _PROXY.match(proxy)
    if match is None or int(match["port"] or 1) > 65535:
        return "must look like http://host:port or http://user:password@host:port"
    if match["scheme"].lower().startswith("socks") and find_spec("socksio") is None:
        return "is a SOCKS proxy, which needs: pip install 'httpx[socks]'"
    return ""
