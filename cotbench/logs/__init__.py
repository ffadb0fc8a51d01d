"""Logs of other tools, read as they are: who was asked what, with which settings, what came back, and what the tool
itself made of it. One file a format; none knows cotbench's tasks, kinds of answers or runs."""

from cotbench.logs.log import Figure, Log, Sample, Theirs

__all__ = ["Figure", "Log", "Sample", "Theirs"]
