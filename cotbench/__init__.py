"""cotbench: does chain of thought help this model on these questions, by how much, how sure are we, at what cost?"""

__version__ = "0.1.0"
