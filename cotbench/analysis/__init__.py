"""What runs say: records paired into panels, estimates and their tests, gates, data frames, questions to look at. No
printing."""
