"""What runs say: records paired into panels, estimates, tests, gates, data frames, questions to look at. No
printing."""
