"""The only ones who speak to the outside world: what must be said is said, what was heard is heard.

Redis and its queue carry only the ringing of a bell; every fact is a row of the database.
"""
