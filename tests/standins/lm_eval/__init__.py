"""A stand-in for lm-evaluation-harness, where it isn't installed: just what cotbench asks of its tasks."""
