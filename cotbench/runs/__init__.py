"""From options to a finished folder: preparing a run, the loop, the session around it, and grading what is on record
again."""
