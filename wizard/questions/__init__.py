"""The vocabulary of questions: what a question, a condition and a section are."""
