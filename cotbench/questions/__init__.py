"""What is asked and what is right: task files, rows of data sets, golds, exemplars, tags."""
