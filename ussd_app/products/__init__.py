"""The products as data: chart of accounts, types, tariffs, limits and the sentences of SMS."""
