"""What Dagster materializes: thin, one idea an asset. The work is done a floor below."""
