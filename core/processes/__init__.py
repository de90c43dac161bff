"""Processes: how children are started under the safety switches, asked, told apart and ended; cores they may use."""
