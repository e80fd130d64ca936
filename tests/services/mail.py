"""pytest fixtures; see the module's functions."""
