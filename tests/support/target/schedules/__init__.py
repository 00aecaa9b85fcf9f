"""Runs two targets over one table in a chosen order of their calls, and checks what they do to it."""
