"""When streams are merged before their end, and how a run ends."""
