"""What runs say: records paired into panels, estimates, tests, gates, data frames, picked questions. No printing."""
