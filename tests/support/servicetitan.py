"""A plain client of the local ServiceTitan, for tests without the tap."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from servicetitan_sandbox import exact_json
from servicetitan_sandbox.client.control import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicetitan_sandbox.client.control import Control
    from servicetitan_sandbox.client.processes import ServiceTitan

TECHNICIANS = "/settings/v2/tenant/{tenant}/technicians"
CAMPAIGNS = "/marketing/v2/tenant/{tenant}/campaigns"
JOB_TYPES = "/jpm/v2/tenant/{tenant}/job-types"
ACTIVITIES = "/timesheets/v2/tenant/{tenant}/activities"
ACTIVITY_FEED = "/timesheets/v2/tenant/{tenant}/export/activities"

_tenants_of_tests: Counter[str] = Counter()


def new_number() -> int:
    """Return a number that is unique to the test and the same in each run, because the test's data depends on it."""
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
    _tenants_of_tests[test] += 1
    return zlib.crc32(test.encode()) * 100 + _tenants_of_tests[test]


def new_tenant(**settings: Any) -> Tenant:  # noqa: ANN401 - the fields of Tenant
    """Return a tenant that no other test uses, with a high rate limit."""
    number = new_number()
    defaults: dict[str, Any] = {
        "tenant_id": str(number),
        "client_id": f"client-{number}",
        "client_secret": f"secret-{number}",
        "app_key": "app-key",
        "requests_per_second": 1000,
    }
    return Tenant(**(defaults | settings))


@dataclass
class Client:
    """Reads the data of one tenant. It adds the tenant and signs in when it is created."""

    server: ServiceTitan
    tenant: Tenant
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.control.add_tenant(self.tenant)
        self.sign_in()

    @property
    def control(self) -> Control:
        """The control API."""
        return self.server.control

    def token(self, **form: str) -> requests.Response:
        """Request a token."""
        credentials = {"client_id": self.tenant.client_id, "client_secret": self.tenant.client_secret}
        return self.session.post(
            self.server.auth_url, data={"grant_type": "client_credentials"} | credentials | form, timeout=30
        )

    def sign_in(self) -> None:
        """Use a new token from now on."""
        token = self.token().json()["access_token"]
        self.session.headers.update({"Authorization": f"Bearer {token}", "ST-App-Key": self.tenant.app_key})

    def get(self, path: str, headers: dict[str, str] | None = None, /, **query: object) -> requests.Response:
        """Request a path."""
        url = self.server.api_url + path.format(tenant=self.tenant.tenant_id)
        return self.session.get(
            url, params={name: str(value) for name, value in query.items()}, headers=headers, timeout=30
        )

    def post(self, path: str, body: object) -> requests.Response:
        """Send a body to a path."""
        url = self.server.api_url + path.format(tenant=self.tenant.tenant_id)
        return self.session.post(url, json=body, timeout=30)

    def page(self, path: str, **query: object) -> Any:  # noqa: ANN401 - JSON is any of its types
        """Return the content of a path. The request must succeed."""
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        return exact_json.loads(response.content)

    def ids(self, path: str, **query: object) -> list[int]:
        """Return the ids on a page of a list."""
        return [record["id"] for record in self.page(path, **query)["data"]]

    def feed(self, path: str, **query: object) -> Iterator[Any]:
        """Yield all pages of a feed."""
        while True:
            page = self.page(path, **query)
            yield page
            if not page["hasMore"]:
                return
            query["from"] = page["continueFrom"]
