"""What a command writes to a terminal: tables, progress, single questions, scores."""
