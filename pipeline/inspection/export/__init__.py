"""Text out: a run's documents as files that other tools load."""
