"""Measurements, as ratios against a yardstick taken in the same run on the same machine.

`python -m bench` runs all of them. They start servers of their own on loopback, in folders that
are thrown away. Nothing here is imported by the server.
"""
