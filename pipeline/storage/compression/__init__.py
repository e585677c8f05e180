"""Reading compressed files: gzip, Zstandard, LZ4, bzip2, xz, in all the forms that they come in."""
