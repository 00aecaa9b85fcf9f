"""What the fleet remembers between runs: records, claims and where they are stored."""
