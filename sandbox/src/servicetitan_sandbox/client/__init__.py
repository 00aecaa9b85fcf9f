"""What tests and demos use to start the local services and to talk to them."""
