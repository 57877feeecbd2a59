"""The command `ctdoseseg`: its parser, its commands, how they end."""
