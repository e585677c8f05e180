"""dspipe: Common Crawl shards to packed token shards, under one validated config."""
