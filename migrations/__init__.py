"""The shape of the database, step by step. SQL where SQL says it best, in `sql/` beside it."""
