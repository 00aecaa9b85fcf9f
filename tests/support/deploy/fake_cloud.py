"""Fake `gcloud` and `bq` for `test_deploy.py`: records each call, and remembers the resources that were created.

The environment variable `FAKE_CLOUD` names a folder. `calls.jsonl` receives the calls, `made.json` the resources.
`registry.csv` is the answer to the query of the registry, and `refusals` the number of grants to refuse first.
A call that has a word of the file `broken` in it fails.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(os.environ["FAKE_CLOUD"])
MADE, REFUSALS, BROKEN = FOLDER / "made.json", FOLDER / "refusals", FOLDER / "broken"


class Call(NamedTuple):
    """A call of `gcloud`: its words, and its options by name."""

    words: list[str]
    options: dict[str, str]

    @property
    def thing(self) -> str:
        """The resource that the call is about: the same for creating it and for looking it up."""
        if "submit" in self.words:
            return self.options["substitutions"].split(",")[0].removeprefix("_IMAGE=")
        if "docker" in self.words:
            return self.words[-1]
        if "policies" in self.words and "create" in self.words:
            return str(json.loads(self.file("policy-from-file"))["displayName"])
        if "channels" in self.words:
            return self.options["channel-labels"].removeprefix("email_address=")
        # An account is created by its name and looked up by its address.
        return " ".join([*self.words[:2], Path(self.words[-1]).name.split("@")[0].removesuffix(".yaml")])

    def file(self, option: str) -> str:
        """Return the content of the file that an option names."""
        return Path(self.options[option]).read_text(encoding="utf-8")


def main() -> int:
    """Answer one call and return the exit code."""
    program, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    # `gcloud` is never given anything on its standard input.
    script = [sys.stdin.read()] if program == "bq" and "query" in arguments and "--format=csv" not in arguments else []
    with (FOLDER / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps([program, *arguments, *script]) + "\n")
    broken = BROKEN.read_text(encoding="utf-8").split() if BROKEN.exists() else []
    if any(word in argument for word in broken for argument in arguments):
        sys.stderr.write("ERROR: PERMISSION_DENIED: this is broken\n")
        return 1
    return gcloud(arguments) if program == "gcloud" else bq(arguments, *script)


def bq(arguments: list[str], sql: str = "") -> int:
    """Answer the query of the registry, show what there is, or keep what SQL creates and grants."""
    if "--format=csv" in arguments:
        sys.stdout.write((FOLDER / "registry.csv").read_text(encoding="utf-8"))
        return 0
    if "show" in arguments:
        shown = read_resources().get(arguments[-1].replace(":", "."))
        sys.stdout.write(
            json.dumps(shown) if shown else f"BigQuery error in show operation: Not found: {arguments[-1]}"
        )
        return 0 if shown else 2
    run_sql(sql)
    return 0


def run_sql(sql: str) -> None:
    """Keep what SQL creates and grants."""
    resources = read_resources()
    for name in re.findall(r"CREATE SCHEMA IF NOT EXISTS `(\S+)`", sql):
        resources.setdefault(name, {"access": []})
    for name, columns in re.findall(r"CREATE TABLE IF NOT EXISTS `(\S+)` \((.*?)^\)", sql, re.DOTALL | re.MULTILINE):
        fields = [{"name": column} for column in re.findall(r"^  (\w+) [A-Z]", columns, re.MULTILINE)]
        resources.setdefault(name, {"schema": {"fields": fields}})
    for role, name, account in re.findall(r"GRANT `roles/bigquery.data(\w+)` ON SCHEMA `(\S+)` TO '\w+:(\S+)'", sql):
        shown = {"Owner": "OWNER", "Editor": "WRITER", "Viewer": "READER"}[role]
        resources[name]["access"].append({"role": shown, "userByEmail": account})
    MADE.write_text(json.dumps(resources), encoding="utf-8")


def gcloud(arguments: list[str]) -> int:
    """Create, look up or list resources; every other call succeeds."""
    options = dict(
        argument[2:].split("=", 1) for argument in arguments if argument.startswith("--") and "=" in argument
    )
    options |= {argument[2:]: "" for argument in arguments if argument.startswith("--") and "=" not in argument}
    call = Call([argument for argument in arguments if not argument.startswith("--")], options)
    verbs = {
        "create": make,
        "submit": make,
        "update": change,
        "replace": replace,
        "enable": enable,
        "describe": look_up,
        "list": list_names,
        "add-iam-policy-binding": grant,
        "get-iam-policy": show_policy,
    }
    verb = next((verbs[word] for word in call.words if word in verbs), None)
    return verb(call) if verb else 0


def read_resources() -> dict[str, Any]:
    """Return the existing resources, as Google would describe them."""
    things: dict[str, Any] = json.loads(MADE.read_text(encoding="utf-8")) if MADE.exists() else {}
    return things


def write_resource(name: str, description: object) -> int:
    """Keep a resource."""
    MADE.write_text(json.dumps(read_resources() | {name: description}), encoding="utf-8")
    return 0


def describe(call: Call, old: dict[str, Any]) -> object:
    """Return what Google would say of a resource after a call that creates or updates it."""
    for option in ("policy-from-file", "config-from-file"):
        if option in call.options:
            return json.loads(call.file(option))
    if "buckets" in call.words:
        shown = {**old, "uniform_bucket_level_access": True, "public_access_prevention": "enforced"}
        if "lifecycle-file" in call.options:
            shown["lifecycle_config"] = json.loads(call.file("lifecycle-file"))
        return shown | ({"versioning_enabled": True} if "versioning" in call.options else {})
    if "scheduler" in call.words:
        return {
            "schedule": call.options["schedule"],
            "timeZone": call.options["time-zone"],
            "httpTarget": {
                "uri": call.options["uri"],
                "oauthToken": {"serviceAccountEmail": call.options["oauth-service-account-email"]},
            },
        }
    return {}


def make(call: Call) -> int:
    """Create a resource; fail if it exists, as Google does."""
    if call.thing in read_resources():
        return 1
    return write_resource(call.thing, describe(call, {}))


def change(call: Call) -> int:
    """Update a resource; fail if it does not exist."""
    thing = named(call.words[-1]) if "policies" in call.words else call.thing
    resources = read_resources()
    return write_resource(thing, describe(call, resources[thing])) if thing in resources else 1


def replace(call: Call) -> int:
    """Create or update a job. Google describes it as the file does."""
    text = Path(call.words[-1]).read_text(encoding="utf-8")
    (name,) = re.findall(r"^  name: (\S+)", text, re.MULTILINE)
    return write_resource(f"run jobs {name}", text)


def enable(call: Call) -> int:
    """Enable services."""
    return write_resource("services", call.words[2:])


def named(name: str) -> str:
    """Return the resource to which a name belongs that Google has given."""
    return list(read_resources())[int(name.rpartition("/")[2])]


def look_up(call: Call) -> int:
    """Describe a resource; fail if it does not exist."""
    thing = named(call.words[-1]) if "policies" in call.words else call.thing
    return show(read_resources().get(thing))


def show(description: object) -> int:
    """Print a description."""
    if description is None:
        sys.stderr.write("ERROR: NOT_FOUND: there is no such resource\n")
        return 1
    sys.stdout.write(description if isinstance(description, str) else json.dumps(description))
    return 0


def list_names(call: Call) -> int:
    """Print a name for the resource that the filter selects, or the enabled services."""
    resources = read_resources()
    if "services" in call.words:
        sys.stdout.write("\n".join(resources.get("services", ())))
        return 0
    wanted = call.options["filter"].split("=", 1)[1].strip('"')
    if wanted in resources:
        sys.stdout.write(f"projects/p/things/{list(resources).index(wanted)}\n")
    return 0


def grant(call: Call) -> int:
    """Grant access, or refuse as long as there are refusals left."""
    left = int(REFUSALS.read_text(encoding="utf-8")) if REFUSALS.exists() else 0
    REFUSALS.write_text(str(max(left - 1, 0)), encoding="utf-8")
    if left > 0:
        return 1
    policy = read_resources().get(policy_of(call), {"bindings": []})
    policy["bindings"].append({"role": call.options["role"], "members": [call.options["member"]]})
    return write_resource(policy_of(call), policy)


def show_policy(call: Call) -> int:
    """Print the policy of a resource."""
    return show(read_resources().get(policy_of(call), {"etag": "ACAB"}))


def policy_of(call: Call) -> str:
    """Return the name of a resource's policy."""
    return f"policy of {call.words[-1]}"


if __name__ == "__main__":
    sys.exit(main())
