"""Answer requests for lists, feeds and reports."""
