"""The shared nouns, frozen. Standard library only; knows nothing but patterns."""
