"""Tables, datasets and jobs may name a Cloud KMS key, which must be where the data is, and a policy may demand one.

https://cloud.google.com/bigquery/docs/customer-managed-encryption tells which locations fit. The words of the errors
are not documented. Under the policy `constraints/gcp.restrictNonCmekServices` nothing is stored without a key: a new
table needs one of its own or the default of its dataset, and so does the result of a query.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from local_bigquery.catalog import datasets, metadata, tables
from local_bigquery.errors import BigQueryError
from local_bigquery.models import Dataset

from servicetitan_sandbox.bigquery.conditions import conditions_of
from servicetitan_sandbox.bigquery.rules import regions, traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_bigquery.models import EncryptionConfiguration, JobConfiguration, Table

_KEY = re.compile(r"projects/[^/]+/locations/(?P<location>[^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+")
_KMS_NAMES = {"eu": "europe"}
"""What Cloud KMS calls a location of BigQuery, where the names differ."""


def install() -> None:
    """Check the keys of new tables and datasets."""
    tables.create = _with_key(tables.create)
    datasets.create = _with_default_key(datasets.create)


def error_of_job(project: str, configuration: JobConfiguration, location: str) -> BigQueryError | None:
    """Return why a job fails for its key, or for the lack of one.

    Args:
        project: The project of the job.
        configuration: The job.
        location: Where it runs.
    """
    part: Any = configuration.load or configuration.copy_ or configuration.query
    key = part and part.destinationEncryptionConfiguration
    try:
        if key or traffic.job_kinds(configuration) != ["SELECT"]:
            _check(key, location)
        else:
            _require(project)
    except BigQueryError as error:
        return error
    return None


def _with_key(create: Callable[..., Table]) -> Callable[..., Table]:
    @functools.wraps(create)
    def create_with_key(project: str, dataset: str, body: Table, *args: Any) -> Table:  # noqa: ANN401 - as it was
        found = metadata.load(Dataset, project, dataset)
        if found and body.encryptionConfiguration is None:
            body.encryptionConfiguration = found.defaultEncryptionConfiguration
        _check(body.encryptionConfiguration, regions.location_of_dataset(project, dataset) or regions.DEFAULT)
        if body.encryptionConfiguration is None and not body.view:
            _require(project)
        return create(project, dataset, body, *args)

    return create_with_key


def _with_default_key(create: Callable[..., Dataset]) -> Callable[..., Dataset]:
    @functools.wraps(create)
    def create_with_key(project: str, body: Dataset) -> Dataset:
        _check(body.defaultEncryptionConfiguration, body.location or regions.DEFAULT)
        return create(project, body)

    return create_with_key


def _check(key: EncryptionConfiguration | None, location: str) -> None:
    """Check that a key can be used in a location.

    Raises:
        BigQueryError: If it cannot.
    """
    if key is None:
        return
    match = _KEY.fullmatch(key.kmsKeyName or "")
    if match is None:
        raise BigQueryError("invalid", f"Invalid KMS key name: {key.kmsKeyName}")
    wanted = _KMS_NAMES.get(location.casefold(), location)
    if not regions.same(match["location"], wanted):
        raise BigQueryError(
            "invalid", f"The KMS key {key.kmsKeyName} is in {match['location']}, and the data is in {location}."
        )


def _require(project: str) -> None:
    """Check that data may be stored without a key.

    Raises:
        BigQueryError: If a policy forbids it.
    """
    if conditions_of(project).requires_kms_key:
        raise BigQueryError(
            "accessDenied",
            f"Access Denied: Constraint constraints/gcp.restrictNonCmekServices violated for projects/{project}.",
        )
