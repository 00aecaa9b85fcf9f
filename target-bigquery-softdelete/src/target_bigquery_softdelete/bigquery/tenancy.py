"""Whose data a run writes: the tenant, as labels of datasets and tables say it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from target_bigquery_softdelete.config.options import LABEL
from target_bigquery_softdelete.errors import WrongTenantError
from target_bigquery_softdelete.plugin_runtime.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

TENANT_LABEL = "tenant_id"
"""Label that binds a dataset or a table to the tenant whose rows it holds."""


class Tenancy:
    """The tenant of one run: that of the settings, or that which the tap names."""

    def __init__(self, tenant: str | None) -> None:
        """Begin with the tenant of the settings, if they name one."""
        self.tenant = tenant
        self._source = "`tenant_id` of the target's settings"

    @property
    def labels(self) -> dict[str, str]:
        """The label of what belongs to the tenant. Empty if none is known."""
        return {TENANT_LABEL: self.tenant} if self.tenant else {}

    def note_tap(self, tenant: str, stream: str) -> bool:
        """Take note of the tenant that the tap reads, and return whether it was not known before.

        Args:
            tenant: As a SCHEMA message says it.
            stream: The stream of that message.

        Raises:
            WrongTenantError: If it is another one than that of this run.
            PluginError: If it cannot be a label.
        """
        if self.tenant is None:
            if not re.fullmatch(LABEL, tenant):
                raise PluginError(
                    f"{stream}: the SCHEMA message names a tenant that BigQuery does not allow as a label."
                )
            self.tenant, self._source = tenant, f"the SCHEMA message of `{stream}`"
            return True
        if tenant != self.tenant:
            raise WrongTenantError(
                f"{stream}: the tap reads tenant {tenant}, but this run writes for tenant {self.tenant} (from "
                f"{self._source}). Nothing of it was written. Check the `tenant_id` of both, and the variables that "
                "set them."
            )
        return False

    def check(self, thing: str, labels: Mapping[str, str]) -> None:
        """Check that a dataset or a table belongs to this tenant, or to nobody yet.

        Args:
            thing: What it is, as in ``The table `a.b.c```.
            labels: Its labels.

        Raises:
            WrongTenantError: If it belongs to another tenant.
        """
        owner = labels.get(TENANT_LABEL)
        if owner and owner != self.tenant:
            raise WrongTenantError(
                f"{thing} belongs to tenant {owner}, but this run is for tenant {self.tenant or '(none set)'}. "
                "Nothing was written. Check `project_id` and `tenant_id`."
            )
