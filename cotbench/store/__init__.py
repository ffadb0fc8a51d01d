"""Everything under `results/`: a run's manifest, journal, records and lock, and the checks of what stands there."""
