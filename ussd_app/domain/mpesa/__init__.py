"""Money in from M-PESA, through our one pay bill there: whose it is, and what became of it.

Knows no provider: what Safaricom says is read by the kernel and brought here by workers and doors.
"""
