"""A sample plugin of cotbench. Nothing here is imported before one of its names is asked for."""
