"""One module per section: its questions and what follows from their answers."""
