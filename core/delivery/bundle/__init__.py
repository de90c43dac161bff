"""Everything an engineer needs to run a model elsewhere, in one zip."""
