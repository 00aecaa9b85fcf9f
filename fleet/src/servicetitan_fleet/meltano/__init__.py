"""Runs Meltano for one company: the project, the environment, the process and its log lines."""
