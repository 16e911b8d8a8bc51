"""What the agent collector is made of: tolerant readers, the table of clients, and the judgement of what lies there."""

SOURCE = "repo.agents"
COVERS = ("consumer", "tool", "use", "credential")
