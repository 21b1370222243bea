"""When things run: jobs and schedules."""
