"""What the collectors of all clouds share: foreign JSON, tags, refusals, exported files, groups made of parts."""
