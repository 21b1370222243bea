"""The report: its figures, what it hides, and the page in a real browser."""
