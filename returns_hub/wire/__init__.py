"""What a vendor package needs to talk to its vendor: requests, replies, records, signatures. Public, for adapters.

A vendor's JSON is read through :class:`Record`, which never refuses a record for a field: a value that cannot be read is empty, and its
place is collected for ``unreadable`` of the object that is built. What two vendors do in the same way is here once. No I/O.
"""

from returns_hub.countries import alpha2, alpha3
from returns_hub.signatures import (
    sign_body,
    sign_hmac_sha256_base64,
    sign_hmac_sha256_hex,
    sign_standard_webhook,
    sign_static,
    single_header,
    standard_webhook_key,
    standard_webhook_signature,
    verify_basic,
    verify_hmac_sha256_base64,
    verify_hmac_sha256_hex,
    verify_signed_body,
    verify_standard_webhook,
    verify_static,
    with_headers,
)
from returns_hub.wire.filters import may_match
from returns_hub.wire.ids import compound_id, return_id_of, shipment_ids, shipment_of
from returns_hub.wire.records import Record, parse_id
from returns_hub.wire.replies import (
    ERROR_BY_STATUS,
    body_excerpt,
    build_error,
    check_same_id,
    decode_object,
    describe,
    error_class,
    json_or_none,
    parse_list,
    parse_object,
    parse_one,
    parse_rows,
)
from returns_hub.wire.requests import (
    build_path,
    check_header_value,
    check_one_status,
    comparable,
    fields_set,
    foreign_cursor,
    get,
    page_size,
    prepare,
    without_none,
)
from returns_hub.wire.statuses import account_status_table
from returns_hub.wire.tokens import oauth_token

__all__ = [
    "ERROR_BY_STATUS",
    "Record",
    "account_status_table",
    "alpha2",
    "alpha3",
    "body_excerpt",
    "build_error",
    "build_path",
    "check_header_value",
    "check_one_status",
    "check_same_id",
    "comparable",
    "compound_id",
    "decode_object",
    "describe",
    "error_class",
    "fields_set",
    "foreign_cursor",
    "get",
    "json_or_none",
    "may_match",
    "oauth_token",
    "page_size",
    "parse_id",
    "parse_list",
    "parse_object",
    "parse_one",
    "parse_rows",
    "prepare",
    "return_id_of",
    "shipment_ids",
    "shipment_of",
    "sign_body",
    "sign_hmac_sha256_base64",
    "sign_hmac_sha256_hex",
    "sign_standard_webhook",
    "sign_static",
    "single_header",
    "standard_webhook_key",
    "standard_webhook_signature",
    "verify_basic",
    "verify_hmac_sha256_base64",
    "verify_hmac_sha256_hex",
    "verify_signed_body",
    "verify_standard_webhook",
    "verify_static",
    "with_headers",
    "without_none",
]
