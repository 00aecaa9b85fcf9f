"""The endpoints and schemas of ServiceTitan's API documents."""
