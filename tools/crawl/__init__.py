"""The parts of `tools.make_crawl`."""
