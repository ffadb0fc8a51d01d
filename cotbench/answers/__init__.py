"""What an answer is: how it is read (`reading/`), judged (`grader`, `judging/`), made of values (`shown`)."""
