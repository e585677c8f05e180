"""Scores and labels made elsewhere, joined onto documents."""
