"""Safaricom as a business meets it: Daraja over HTTP, M-PESA's accounts, and prompts on phones.

Knows Kabambe only as one listener among others: by the callback URLs that it is given.
"""
