"""One module per provider: its wire form in, one of our few outcomes out."""
