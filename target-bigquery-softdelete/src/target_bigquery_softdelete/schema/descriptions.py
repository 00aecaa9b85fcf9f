"""What a column says about itself, and how to tell that it was this target that wrote it. Pure functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_DESCRIPTION = 1024
"""Characters that BigQuery accepts in the description of a column
(https://cloud.google.com/bigquery/quotas#standard_tables)."""

LONGEST_TABLE_DESCRIPTION = 16_384
"""Characters that BigQuery accepts in the description of a table (same page)."""

_SOURCE = re.compile(r"Source: `[^`]+`\.$")


def column_text(meaning: str, references: Sequence[tuple[str, str]], source: str) -> str:
    """Return the description of a column: what its property means, what it refers to, and which property it is.

    The last sentence is what tells the target's own descriptions from those that people write. Empty without a meaning.

    Args:
        meaning: What the schema says.
        references: The columns of which its value is one, each with its table.
        source: The path of the property in the records.

    >>> column_text("Who pays", [("customers", "id")], "job.customerId")
    'Who pays. References `customers.id`. Source: `job.customerId`.'
    """
    if not meaning:
        return ""
    targets = " or ".join(f"`{table}.{column}`" for table, column in references)
    rest = f"{f' References {targets}.' if targets else ''} Source: `{source.replace('`', '')}`."
    text = meaning.strip()[: LONGEST_DESCRIPTION - len(rest) - 1]
    return f"{text}{'' if text.endswith(('.', '!', '?')) else '.'}{rest}"


def may_replace(present: str, wanted: str) -> bool:
    """Return whether a description may give way to another one: it is none, or this target wrote it.

    Args:
        present: The description that is there.
        wanted: The one that the stream has. Earlier versions wrote only its first part.
    """
    return not present or bool(_SOURCE.search(present)) or wanted.startswith(present)
