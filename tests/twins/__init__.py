"""Small local servers that answer as a provider does, and refuse what it would refuse."""
