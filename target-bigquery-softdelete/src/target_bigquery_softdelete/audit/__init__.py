"""What a run writes about itself into the log dataset."""
