"""Kabambe: a USSD- and SMS-first mobile-money server."""
