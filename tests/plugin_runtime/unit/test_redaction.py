"""No registered secret is in a text, a log record or a traceback."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from singer_sdk.logging import StructuredFormatter

from tap_servicetitan.plugin_runtime import redaction
from tap_servicetitan.plugin_runtime.redaction import MASK, redact, register_secrets
from target_bigquery_softdelete.plugin_runtime import redaction as other_package

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = 'p@ss "word"/+\nline & more'


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the secrets and the log record factory of a test."""
    factory = logging.getLogRecordFactory()
    monkeypatch.setattr(redaction, "_secrets", set())
    yield
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize(
    "shown",
    [SECRET, quote(SECRET, safe=""), quote_plus(SECRET), json.dumps(SECRET)[1:-1], json.dumps({"a": SECRET})],
    ids=["plain", "url", "form", "json", "json document"],
)
def test_a_secret_is_masked_in_every_form(shown: str) -> None:
    register_secrets([SECRET])
    redacted = redact(f"before {shown} after")
    assert MASK in redacted
    assert "word" not in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


def test_a_secret_with_surrounding_blanks_is_masked_without_them() -> None:
    register_secrets(["  abcdef\n"])
    assert redact("key=abcdef;") == f"key={MASK};"


def test_the_private_key_in_a_credentials_file_is_masked() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"
    register_secrets([json.dumps({"type": "service_account", "private_key": key, "client_email": "x@y.example"})])
    assert redact(f"bad key {key}") == f"bad key {MASK}"
    assert redact(f"bad key {json.dumps(key)}") == f'bad key "{MASK}"'
    assert redact("for x@y.example") == "for x@y.example"


def test_the_longer_of_two_overlapping_secrets_is_masked_in_full() -> None:
    register_secrets(["abcd", "abcdefgh"])
    assert redact("abcdefgh abcd") == f"{MASK} {MASK}"


def test_short_values_and_other_types_are_not_masked() -> None:
    register_secrets(["abc", "", None, 12345, ["abcdef"]])
    assert redact("abc 12345 abcdef") == "abc 12345 abcdef"


def test_no_log_record_holds_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    redaction.install()
    redaction.install()
    register_secrets(["hunter2 hunter2"])
    logger = logging.getLogger("some.library")
    with caplog.at_level(logging.DEBUG):
        logger.info("token %s of %d", "hunter2 hunter2", 3)
        try:
            int("hunter2 hunter2")
        except ValueError:
            logger.exception("failed with %r", "hunter2 hunter2")
        logger.info("an ordinary %s", "line")
    assert "hunter2" not in caplog.text
    assert f"token {MASK} of 3" in caplog.text
    assert f"ValueError: invalid literal for int() with base 10: '{MASK}'" in caplog.text
    assert "an ordinary line" in caplog.text


def test_each_copy_of_the_module_masks_its_own_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """Two packages in one process each have a copy."""
    other_package.install()
    redaction.install()
    register_secrets(["hunter2 hunter2"])
    logging.getLogger("some.library").warning("token hunter2 hunter2")
    assert f"token {MASK}" in caplog.text


def test_the_cause_of_an_error_is_masked_too() -> None:
    """The SDK's structured log shows the error in whose place another one was raised, even after `from None`."""
    register_secrets([SECRET])
    redaction.install()
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(StructuredFormatter())
    logger = logging.getLogger("structured")
    logger.addHandler(handler)
    hiding = KeyError("harmless")
    hiding.__context__ = ValueError(SECRET)
    hiding.__suppress_context__ = True
    logger.error("it failed", exc_info=hiding)
    logger.removeHandler(handler)

    assert "it failed" in output.getvalue()
    assert "word" not in output.getvalue()
