"""Secret detection on bytes: formats, candidates, confirmation; knows nothing of the inventory."""
