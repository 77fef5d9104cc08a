"""Reads only: what somebody may want to know, put together from what was written."""
