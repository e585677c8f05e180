"""What the writer and the reader of a kept index agree on."""

ROW_GROUP_ROWS = 1 << 16
SETTINGS_KEY = b"dspipe"
"""in a file's metadata: the settings that its keys depend on, as JSON"""
