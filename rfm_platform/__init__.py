"""Who the customers of a multi-marketplace shop are, and whether they come back."""
