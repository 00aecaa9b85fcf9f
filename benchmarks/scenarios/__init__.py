"""The scenarios, one module for each section of the results."""
