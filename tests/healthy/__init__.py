"""The healthy estate, and the faults that are put into it."""
