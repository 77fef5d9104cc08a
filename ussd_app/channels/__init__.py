"""Doors in: what the outside world may say to us, and how it is answered. Doors do not know each
other."""
