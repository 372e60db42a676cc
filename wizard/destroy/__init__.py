"""The commands `apply --undo` and `destroy`: remove what the runs of an installation created."""
