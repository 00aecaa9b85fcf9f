"""Reports as streams: their settings, descriptions, days and rows."""
