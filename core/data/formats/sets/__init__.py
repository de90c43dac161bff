"""Known public sets and hubs by the name of their layout, one module each."""
