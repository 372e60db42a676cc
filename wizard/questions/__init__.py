"""The building blocks of the answers model: questions, conditions and sections."""
