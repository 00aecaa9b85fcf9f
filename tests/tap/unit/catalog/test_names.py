"""A name that no stream has is an error, with the one that may be meant."""

from __future__ import annotations

import pytest

from tap_servicetitan.catalog.names import check_names
from tap_servicetitan.plugin_runtime.errors import PluginError


def test_names_that_exist() -> None:
    check_names([], ["jobs"])
    check_names(["jobs"], ["jobs", "invoices"])


def test_names_that_do_not() -> None:
    with pytest.raises(PluginError) as caught:
        check_names(["jobs", "xyz", "invoicess"], ["jobs", "invoices"])
    assert str(caught.value) == (
        "the catalog selects streams that do not exist: invoicess (perhaps invoices is meant), xyz. "
        "Discover the streams again, or correct the names"
    )
