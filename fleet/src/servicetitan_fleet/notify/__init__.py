"""Tells people about companies that need a person: by e-mail, Slack, Google Chat, PagerDuty and webhooks."""
