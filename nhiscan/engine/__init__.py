"""Rules: loading and their contract, evaluation, coverage, their tests and mutants, their docs.

A rule is data.  `rule.load` reads it, `check` holds it to the contract, `evaluate` asks the inventory and answers in
three values, `ruletest` and `mutate` prove that a rule means what it says.
"""
