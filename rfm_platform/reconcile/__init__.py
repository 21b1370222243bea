"""Whether two sides hold the same: totals, and what differs where."""
