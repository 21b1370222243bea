"""What an asset computes about customers: transforms in SQL, segments in YAML."""
