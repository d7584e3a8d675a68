"""Replies without their content encoding, within a limit."""

import zlib

from returns_hub.errors import TransportFailed, UnexpectedReply


def decompress(body: bytes, encoding: str, limit: int) -> bytes | None:
    """The body without its content encoding; None if it would be longer than ``limit``.

    A gzip body may have several members (RFC 1952, section 2.2), as a proxy or a vendor that compresses piece by piece
    sends it. Zero bytes behind the last member are padding.

    Raises:
        UnexpectedReply: an encoding that was not asked for.
        TransportFailed: the body is not what the encoding says, or is cut off.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity") or not body:
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise UnexpectedReply("the reply is compressed in a way that was not asked for")
    plain = bytearray()
    rest = body
    while rest:
        # A few kilobytes can unpack to gigabytes: never more than the limit is made.
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            plain += member.decompress(rest, limit + 1 - len(plain))
        except zlib.error:
            break
        if len(plain) > limit:
            return None
        if not member.eof:
            break
        rest = member.unused_data.lstrip(b"\0")
    else:
        return bytes(plain)
    raise TransportFailed("the compressed reply is cut off or broken")
