"""What the stages share that clean text."""
