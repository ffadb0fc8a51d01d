"""Nothing of it is asked for."""
