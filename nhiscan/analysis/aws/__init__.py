"""Permissions of AWS principals, judged as AWS judges them: documents, conditions, decisions, capabilities, trusts."""
