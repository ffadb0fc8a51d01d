"""Runs as the logs of other tools, as tables, and as data to train on. One file a format."""
