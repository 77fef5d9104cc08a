"""The double-entry book: what is written down, by whom it is proved, and how it is read.

Knows account ids, minor units and keys; nothing of products, people, menus or the web.
"""
