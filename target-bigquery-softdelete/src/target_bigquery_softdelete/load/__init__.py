"""From converted records to the merged table, for one stream."""
