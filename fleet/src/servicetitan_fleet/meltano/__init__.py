"""Runs Meltano for one company, as a child process."""
