"""Reading configuration: trees with lines, what stands where a credential is expected, and the records it makes."""
