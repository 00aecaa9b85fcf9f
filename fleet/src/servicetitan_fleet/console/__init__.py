"""Terminal and log output of the commands: progress and tables."""
