"""No registered secret is in a text, a log record or a traceback."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from singer_sdk.logging import StructuredFormatter

from tap_servicetitan.plugin_runtime import redaction
from tap_servicetitan.plugin_runtime.errors import PluginError
from tap_servicetitan.plugin_runtime.redaction import MASK, redact, register_secrets
from tap_servicetitan.plugin_runtime.secret_forms import base64_forms, forms, secret_texts
from target_bigquery_softdelete.plugin_runtime import redaction as other_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = 'p@ss "wörd"/\\+\nline\'s & <mor€> $UPPER😀~'
KEY = "\n".join(
    ["-----BEGIN PRIVATE KEY-----", *(secrets.token_hex(32) for _ in range(3)), "-----END PRIVATE KEY-----", ""]
)
TWICE = json.dumps(json.dumps({"a": SECRET}))
SHOWN = {
    "as it is": SECRET,
    "repr": repr(SECRET),
    "ascii": ascii(SECRET),
    "repr of bytes": repr(SECRET.encode()),
    "repr of a dictionary": repr({"a": [SECRET]}),
    "JSON": json.dumps({"a": SECRET}),
    "JSON in UTF-8": json.dumps({"a": SECRET}, ensure_ascii=False),
    "JSON in JSON": TWICE,
    "JSON in JSON in JSON": json.dumps(TWICE),
    "JSON in a repr": repr(json.dumps(SECRET)),
    "JSON in a URL": quote(json.dumps(SECRET)),
    "JSON as .NET writes it": json.dumps(SECRET)
    .replace("'", r"\u0027")
    .replace("+", r"\u002B")
    .replace("&", r"\u0026"),
    "JSON with escaped slashes": json.dumps(SECRET).replace("/", r"\/"),
    "URL": quote(SECRET, safe=""),
    "URL in lower case": re.sub("%..", lambda code: code[0].lower(), quote(SECRET, safe="")),
    "form": quote_plus(SECRET),
    "path": quote(SECRET),
    "URL in a URL": quote(quote(SECRET, safe=""), safe=""),
    "HTML": html.escape(SECRET),
    "HTML in numbers": SECRET.encode("ascii", "xmlcharrefreplace").decode(),
    "HTML in JSON": json.dumps(html.escape(SECRET)),
    "blanks made one": " ".join(SECRET.split()),
    "UTF-8 read as Latin-1": SECRET.encode().decode("latin-1"),
    "replacement characters": SECRET.encode().decode("ascii", "replace"),
    "hexadecimal": SECRET.encode().hex(),
    "escaped controls": SECRET.replace("\n", r"\n"),
}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the secrets and the log record factory of a test."""
    factory = logging.getLogRecordFactory()
    monkeypatch.setattr(redaction, "_secrets", redaction.Secrets())
    yield
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_a_secret_is_masked_in_every_form(shown: str) -> None:
    register_secrets([SECRET])
    redacted = redact(f"before {shown} after")
    assert MASK in redacted
    assert not any(part in redacted.lower() for part in ("p@ss", "p%40", "rd", "line", "mor", "upper", "f09f9880"))
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode], ids=["standard", "for URLs"])
@pytest.mark.parametrize("before", ["", "i", "id", "cid.1234:", "{'secret': '"])
@pytest.mark.parametrize("behind", ["", "}", "', more"])
def test_a_secret_is_masked_inside_base64(encode: Callable[[bytes], bytes], before: str, behind: str) -> None:
    register_secrets(["hunter2??>>~~hunter2"])
    encoded = encode(f"{before}hunter2??>>~~hunter2{behind}".encode()).decode()
    assert redact(f"Authorization: Basic {encoded}") == f"Authorization: Basic {MASK}"
    assert redact(f"q={quote(encoded)};") in (f"q={MASK};", f"q={MASK}%3D;", f"q={MASK}%3D%3D;")


def test_a_secret_with_surrounding_blanks_is_masked_without_them() -> None:
    register_secrets(["  abcdefgh\n"])
    assert redact("key=abcdefgh;") == f"key={MASK};"


@pytest.mark.parametrize("indent", [None, 2])
def test_the_private_key_in_a_credentials_file_is_masked_whole_and_in_parts(indent: int | None) -> None:
    credentials = json.dumps({"type": "service_account", "private_key": KEY, "client_email": "x@y.test"}, indent=indent)
    register_secrets([credentials])
    lines = KEY.splitlines()
    assert redact(f"bad key {KEY}") == f"bad key {MASK}\n"
    for shown in (
        credentials,
        repr(credentials),
        KEY,
        repr(KEY),
        json.dumps(KEY),
        *lines[1:-1],
        lines[1][3:30],
        lines[2][-16:],
    ):
        hidden = redact(f"key: {shown} ...")
        assert MASK in hidden
        assert not any(line[start : start + 8] in hidden for line in lines[1:-1] for start in range(0, 56, 8))
    assert redact("for x@y.test: service_account, -----BEGIN PRIVATE KEY-----").startswith(
        "for x@y.test: service_account"
    )


def test_each_line_of_a_secret_is_masked() -> None:
    register_secrets(["first line of it\nend\r\nthe third line"])
    assert redact("first line of it, the third line, end") == f"{MASK}, {MASK}, end"


def test_a_long_secret_is_masked_where_a_log_shows_only_its_beginning() -> None:
    secret = secrets.token_urlsafe(40)
    register_secrets([secret])
    assert redact(f"got '{secret[:20]}...") == f"got '{MASK}..."


def test_secrets_that_overlap_are_masked_in_full() -> None:
    register_secrets(["abcdefgh", "abcdefghijkl", "ijklmnopqr"])
    assert redact("abcdefghijkl abcdefgh") == f"{MASK} {MASK}"
    assert redact("<abcdefghijklmnopqr>") == f"<{MASK}>"


def test_short_values_and_other_types_are_not_masked() -> None:
    register_secrets(["abc", "", None, 12345678, ["abcdefgh"]])
    assert redact("abc 12345678 abcdefgh") == "abc 12345678 abcdefgh"
    register_secrets(["abcd"])
    assert redact("abcd, and YWJjZA==, 61626364") == f"{MASK}, and YWJjZA==, 61626364"


@pytest.mark.timeout(60)
def test_a_long_line_takes_no_longer_than_its_length_calls_for() -> None:
    """The expressions have nothing that could be tried in many ways."""
    register_secrets([SECRET, "\\" * 9, " + + + +", '"' * 12, KEY])
    for part in ("\\", " +", '"', "A", "&amp;", "%25"):
        assert isinstance(redact(part * (50_000 // len(part))), str)


def test_control_characters_in_a_log_are_escaped(caplog: pytest.LogCaptureFixture) -> None:
    redaction.install()
    logger = logging.getLogger("some.library")
    logger.warning("%s\ttab", "\x1b[2J\x9b1m \u202e\nERROR: made up")
    assert caplog.messages == [r"\x1b[2J\x9b1m \u202e\nERROR: made up" + "\ttab"]
    logger.error("it failed", exc_info=ValueError("\x1b]0;title\x07"))
    assert r"ValueError: \x1b]0;title\x07" in caplog.text
    assert "\x1b" not in caplog.text
    assert str(PluginError("\x1b[31mred")) == r"\x1b[31mred"


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
    assert "UPPER" not in output.getvalue()


ENCODINGS: tuple[Callable[[str], str], ...] = (
    str,
    repr,
    json.dumps,
    html.escape,
    quote_plus,
    quote,
    str.swapcase,
    lambda text: text.encode().hex().upper(),
    lambda text: base64.b64encode(b"id:" + text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    lambda text: json.dumps(json.dumps(text))[3:-3],
)
VALUES = st.text(min_size=4, max_size=40) | st.text(alphabet="aZ09_-./+= \n\"'\\äİſ", min_size=4, max_size=40)


@given(values=st.lists(VALUES, min_size=1, max_size=4), between=st.text())
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("others", [0, 50], ids=["few secrets", "many secrets"])
def test_no_form_is_left_out_because_its_word_is_missing(others: int, values: list[str], between: str) -> None:
    known = redaction.Secrets()
    for value in (*values, *(secrets.token_hex(8) for _ in range(others))):
        known.add(value)
    text = between.join(encode(value) for encode in ENCODINGS for value in values)

    hidden = [text for value in values for text in secret_texts(value)]
    each = [form for of_one in hidden for form in (*forms(of_one), *base64_forms(of_one))]
    matches = [match.span() for form in each for match in re.finditer(form.pattern, text)]
    places = list(known.places(text))

    assert matches or not hidden
    assert all(any(start <= first and last <= end for start, end in places) for first, last in matches)


def test_a_secret_is_masked_among_those_of_a_thousand_companies() -> None:
    register_secrets([secrets.token_urlsafe(24) for _ in range(1000)])
    register_secrets([SECRET])
    for shown in SHOWN.values():
        assert MASK in redact(f"secret={shown}.")
    assert redact("nothing to hide") == "nothing to hide"
