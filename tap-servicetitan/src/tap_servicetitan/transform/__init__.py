"""Changes to records before they are written."""
