"""Threads: pages fetched ahead, streams side by side, and how they are stopped."""
