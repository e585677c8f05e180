"""What developers run beside the package: `python -m tools.NAME`."""
