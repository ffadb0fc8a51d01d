"""Rule-based rewards over the reading and grading of reports, in the signature that TRL expects."""
