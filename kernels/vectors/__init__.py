"""Texts as vectors: made from their words, put into clusters, compared."""
