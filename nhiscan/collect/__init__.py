"""What a collector is, which there are, and how their units are run."""
