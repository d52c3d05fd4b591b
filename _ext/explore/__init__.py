"""What is made of each explorable at build time: see `explorables.py`."""
