"""Helpers of the tests that run the tap and the target together."""
