"""What runs, when, and what follows: jobs, schedules, the guard, what a failure says."""
