"""The pay-bill engine: customers, invoices, sales at a counter, and the books behind them.

The ledger itself is the books (its third book, `billing`): an invoice is an entry, what is owed is
a balance, and what a payment was for are legs of the payment's own entry. Here are only names, days
and rules.
"""
