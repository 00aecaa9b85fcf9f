"""Fake `gcloud` and `bq` for `test_deploy.py`: records each call, and remembers the resources that were created.

The environment variable `FAKE_CLOUD` names a folder. `calls.jsonl` receives the calls, `made.json` the resources.
`registry.csv` is the answer to the query of the registry, and `refusals` the number of grants to refuse first.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(os.environ["FAKE_CLOUD"])
MADE, REFUSALS = FOLDER / "made.json", FOLDER / "refusals"


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
        if "policy-from-file" in self.options:
            return str(json.loads(Path(self.options["policy-from-file"]).read_text(encoding="utf-8"))["displayName"])
        if "channels" in self.words:
            return self.options["channel-labels"].removeprefix("email_address=")
        # An account is created by its name and looked up by its address.
        return " ".join([*self.words[:2], self.words[-1].split("@")[0]])


def main() -> int:
    """Answer one call and return the exit code."""
    program, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    # `gcloud` is never given anything on its standard input.
    script = [sys.stdin.read()] if program == "bq" and "--format=csv" not in arguments else []
    with (FOLDER / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps([program, *arguments, *script]) + "\n")
    return gcloud(arguments) if program == "gcloud" else bq(arguments)


def bq(arguments: list[str]) -> int:
    """Answer the query of the registry; every other call succeeds."""
    if "--format=csv" in arguments:
        sys.stdout.write((FOLDER / "registry.csv").read_text(encoding="utf-8"))
    return 0


def gcloud(arguments: list[str]) -> int:
    """Create, look up or list resources; every other call succeeds."""
    options = dict(
        argument[2:].split("=", 1) for argument in arguments if argument.startswith("--") and "=" in argument
    )
    call = Call([argument for argument in arguments if not argument.startswith("--")], options)
    verbs = {
        "create": make,
        "submit": make,
        "describe": look_up,
        "list": list_names,
        "add-iam-policy-binding": grant,
    }
    verb = next((verbs[word] for word in call.words if word in verbs), None)
    return verb(call) if verb else 0


def read_resources() -> list[str]:
    """Return the existing resources."""
    things: list[str] = json.loads(MADE.read_text(encoding="utf-8")) if MADE.exists() else []
    return things


def make(call: Call) -> int:
    """Create a resource; fail if it exists, as Google does."""
    if call.thing in read_resources():
        return 1
    MADE.write_text(json.dumps([*read_resources(), call.thing]), encoding="utf-8")
    return 0


def look_up(call: Call) -> int:
    """Look up a resource; fail if it does not exist."""
    return int(call.thing not in read_resources())


def list_names(call: Call) -> int:
    """Print a name for the resource that the filter selects."""
    wanted = call.options["filter"].split("=", 1)[1].strip('"')
    if wanted in read_resources():
        sys.stdout.write(f"projects/p/things/{read_resources().index(wanted)}\n")
    return 0


def grant(_: Call) -> int:
    """Grant access, or refuse as long as there are refusals left."""
    left = int(REFUSALS.read_text(encoding="utf-8")) if REFUSALS.exists() else 0
    REFUSALS.write_text(str(max(left - 1, 0)), encoding="utf-8")
    return int(left > 0)


if __name__ == "__main__":
    sys.exit(main())
