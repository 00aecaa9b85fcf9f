"""The pair in somebody else's Meltano project, as docs/how-to/use-in-your-project.md says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

import package_metadata
from servicetitan_sandbox.client.bigquery_project import Project
from servicetitan_sandbox.client.control import Tenant
from servicetitan_sandbox.client.meltano_project import MELTANO, ROOT, inherited_environment

if TYPE_CHECKING:
    from servicetitan_sandbox.client.processes import BigQuery, ServiceTitan

TAP, TARGET = "tap-servicetitan", "target-bigquery-softdelete"


def tenant_of(number: int) -> Tenant:
    return Tenant(
        tenant_id=str(number), client_id=f"cid-{number}", client_secret=f"cs-{number}", app_key=f"ak-{number}", seed=3
    )


class UsersProject:
    """A new Meltano project, outside of the repository."""

    def __init__(self, parent: Path, servicetitan: ServiceTitan, bigquery: BigQuery, variables: dict[str, str]) -> None:
        self._environment = {
            **{name: value for name, value in inherited_environment().items() if not name.startswith("MELTANO_")},
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "TAP_SERVICETITAN_API_URL": servicetitan.api_url,
            "TAP_SERVICETITAN_AUTH_URL": servicetitan.auth_url,
            "TARGET_BIGQUERY_SOFTDELETE_API_ENDPOINT": bigquery.api_endpoint,
            **variables,
        }
        self.folder = parent / "theirs"
        self.folder.mkdir()
        # That is what `meltano init` writes, which takes three seconds.
        (self.folder / "meltano.yml").write_text(
            "default_environment: dev\nproject_id: x\nenvironments:\n- name: dev\n"
        )

    def meltano(self, *words: str, **variables: str) -> str:
        """Run Meltano and return what it printed. It must end well."""
        done = subprocess.run(
            [MELTANO, *words],
            cwd=self.folder,
            env={**self._environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def add(self, *options: str) -> None:
        """Add the pair from the definitions of this repository."""
        for plugin in (TAP, TARGET):
            self.meltano("add", "--from-ref", str(ROOT / "meltano" / f"{plugin}.yml"), *options, plugin)

    def edit(self, plugin: str, **values: object) -> None:
        """Change the entry of a plugin in `meltano.yml`."""
        path = self.folder / "meltano.yml"
        yaml = YAML()
        content = yaml.load(path)
        entries = [entry for kind in content["plugins"].values() for entry in kind]
        next(entry for entry in entries if entry["name"] == plugin).update(values)
        yaml.dump(content, path)


def credentials(tenant: Tenant, prefix: str = "TAP_SERVICETITAN") -> dict[str, str]:
    return {
        f"{prefix}_{name}": getattr(tenant, name.lower())
        for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "APP_KEY")
    }


def test_settings_of_every_kind_arrive_and_a_run_loads_what_is_selected(
    tmp_path: Path, servicetitan: ServiceTitan, bigquery: BigQuery
) -> None:
    tenant = tenant_of(77101)
    servicetitan.control.add_tenant(tenant)
    project = UsersProject(tmp_path, servicetitan, bigquery, credentials(tenant))
    project.add("--no-install")
    for plugin in (TAP, TARGET):  # so that nothing is to be installed
        project.edit(plugin, executable=str(Path(sys.executable).with_name(plugin)))
    project.edit(TAP, select=["technicians.*"])
    settings = {
        "TARGET_BIGQUERY_SOFTDELETE_PROJECT_ID": "users-project",
        "TARGET_BIGQUERY_SOFTDELETE_DATASET": "theirs",
        "TARGET_BIGQUERY_SOFTDELETE_MAX_DELETE_FRACTION": "0.25",  # a number
        "TARGET_BIGQUERY_SOFTDELETE_MAX_DELETE_ROWS": "7",
        "TARGET_BIGQUERY_SOFTDELETE_LIVE_VIEWS": "true",
        "TARGET_BIGQUERY_SOFTDELETE_ON_INVALID_RECORD": "quarantine",  # one of some
        "TARGET_BIGQUERY_SOFTDELETE_HISTORY": '["technicians"]',
        "TARGET_BIGQUERY_SOFTDELETE_LABELS": '{"company": "theirs"}',
    }
    printed = project.meltano("run", TAP, TARGET, **settings)
    loaded = Project(bigquery.api_endpoint, "users-project")
    assert set(loaded.tables("theirs")) >= {"technicians", "technicians_history", "technicians_live"}
    assert [row["rows_inserted"] for row in loaded.log("technicians")] == [
        len(servicetitan.control.records(tenant.tenant_id, "technicians"))
    ]
    assert tenant.client_secret not in printed


@pytest.mark.long
@pytest.mark.timeout(1500)  # Meltano is started twenty times, and installs twice
def test_a_project_of_two_companies_from_a_release(
    tmp_path: Path, servicetitan: ServiceTitan, bigquery: BigQuery
) -> None:
    first, second = tenant_of(77102), tenant_of(77103)
    for tenant in (first, second):
        servicetitan.control.add_tenant(tenant)
    variables = {**credentials(first, "TAP_ONE"), **credentials(second, "TAP_TWO")}
    tenant_id, client_secret = (variables.pop(f"TAP_ONE_{name}") for name in ("TENANT_ID", "CLIENT_SECRET"))
    secret = {"TAP_TWO_CLIENT_SECRET": variables.pop("TAP_TWO_CLIENT_SECRET")}
    variables |= {f"TARGET_{name.upper()}_PROJECT_ID": f"company-{name}" for name in ("one", "two")}
    project = UsersProject(tmp_path, servicetitan, bigquery, variables | released(tmp_path))
    project.add()
    project.edit(TAP, select=["technicians.*"])
    project.meltano("select", TAP, "activities", "*")
    # What is shared has no credentials, so that a company that lacks one cannot get another's.
    for name in ("one", "two"):
        project.meltano("add", "--inherit-from", TAP, f"tap-{name}")
        project.meltano("add", "--inherit-from", TARGET, f"target-{name}")
    project.meltano("config", "set", "tap-one", "tenant_id", tenant_id)
    project.meltano("config", "set", "--store=dotenv", "tap-one", "client_secret", client_secret)
    assert client_secret not in (project.folder / "meltano.yml").read_text()
    with pytest.raises(AssertionError, match="missing setting `client_secret`"):
        project.meltano("run", "tap-two", "target-two")

    project.meltano("run", "tap-one", "target-one")
    state = {"MELTANO_STATE_BACKEND_URI": f"file://{tmp_path / 'states'}"}
    project.meltano("el", "--state-id", "two", "tap-two", "target-two", **secret, **state)
    project.meltano("job", "add", "both", "--tasks", "[tap-one target-one, tap-two target-two]")
    project.meltano("schedule", "add", "six-hourly", "--job", "both", "--interval", "0 */6 * * *")
    project.meltano("schedule", "run", "six-hourly", **secret)
    project.meltano("install", "--clean", MELTANO_VENV_BACKEND="virtualenv")
    project.meltano("el", "--state-id", "two", "tap-two", "target-two", **secret, **state)

    for name, tenant, runs in (("one", first, 2), ("two", second, 3)):
        log = Project(bigquery.api_endpoint, f"company-{name}").log("technicians")
        count = len(servicetitan.control.records(tenant.tenant_id, "technicians"))
        assert [row["rows_inserted"] for row in log] == [count] + [0] * (runs - 1)
        fed = Project(bigquery.api_endpoint, f"company-{name}").log("activities")
        assert fed[-1]["rows_read"] < fed[0]["rows_read"]  # it continued from its state
    assert list((tmp_path / "states").rglob("*two*"))


def released(folder: Path) -> dict[str, str]:
    """Return variables that let git find this repository, with a tag of its version, at its address."""
    project = package_metadata.workspace()
    clone = folder / "released.git"
    git = ["git", "-c", "safe.directory=*"]
    subprocess.run([*git, "clone", "--quiet", "--bare", str(ROOT), str(clone)], check=True)
    subprocess.run([*git, "-C", str(clone), "tag", "--force", f"v{project['version']}"], check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{clone}.insteadOf",
        "GIT_CONFIG_VALUE_0": package_metadata.repository(project),
        # What was fetched of a tag of that address before is not what it is now.
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(folder / "uv-cache")),
    }


@pytest.mark.parametrize("plugin", [TAP, TARGET])
def test_its_definition_keeps_to_the_rules_of_the_hub(plugin: str) -> None:
    rules = json.loads((Path(__file__).parent / "hub_rules.json").read_text(encoding="utf-8"))
    definition = YAML(typ="safe").load(ROOT / "meltano" / f"{plugin}.yml")
    kind = "extractor" if plugin == TAP else "loader"
    assert set(rules["required"]) <= definition.keys() <= {*rules["keys"], *rules[f"{kind}_keys"]}
    assert set(definition["capabilities"]) <= set(rules[f"{kind}_capabilities"])
    assert definition["maintenance_status"] in rules["maintenance_status"]
    assert definition["quality"] in rules["quality"]
    names = [setting["name"] for setting in definition["settings"]]
    assert len(names) == len(set(names))
    for setting in definition["settings"]:
        assert setting.keys() <= set(rules["setting_keys"])
        assert setting.get("kind", "string") in rules["kinds"]
        assert setting["kind"] != "decimal" if "kind" in setting else True  # Meltano fails on it
        assert all(isinstance(option["value"], str) for option in setting.get("options", []))
    assert all(set(group) <= set(names) for group in definition["settings_group_validation"])
