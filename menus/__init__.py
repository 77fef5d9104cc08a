"""The menu machine and what it reads: flows and sentences as data, in two languages.

Pure: knows neither money's rules nor the web, Redis or SQL. It hands out questions for the bank
and hears facts or a refusal.
"""
