"""The agent products: one module each, or one for a family; what a module calls CLIENT or CLIENTS is known."""
