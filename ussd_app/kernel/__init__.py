"""Words and numbers that every part shares. Depends on nothing of ours and on no service."""
