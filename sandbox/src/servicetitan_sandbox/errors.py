"""Exceptions that more than one module knows. The HTTP errors of the API are `servicetitan.http.problems.Problem`."""

from __future__ import annotations


class ControlError(Exception):
    """The control API refused a call; the text holds its answer.

    :class:`~servicetitan_sandbox.client.control.Control` raises it. The call is wrong, so repeating it does not help.
    """


class UnknownTenantError(LookupError):
    """No such tenant was added. The control API answers 404."""


class UnknownStreamError(LookupError):
    """The API documents have no such entity or area. The control API answers 404."""


class UnknownRecordError(LookupError):
    """There is no such record, or it is not in the state that the change needs. Both APIs answer 404."""


class ChangeError(ValueError):
    """A record cannot be changed in this way. The control API answers 400."""


class TokenError(Exception):
    """A token was refused. The text is an error code of OAuth 2.0, and the API answers 400 with it."""


class ArgumentsError(Exception):
    """A report was run with parameters that it does not take. The API answers 400.

    Args:
        errors: What is wrong, by parameter.
    """

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("wrong parameters")
        self.errors = errors
