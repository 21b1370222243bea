"""What must hold of an asset, each day with its own verdict."""
