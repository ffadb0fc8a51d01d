"""What an answer is: reading it from an output (`reading/`), judging it against gold (`judging/`), showing a program's value as text."""
