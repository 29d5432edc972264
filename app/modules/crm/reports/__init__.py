"""Reports of the pipeline: sales, funnel, time, losses, portfolio, follow-ups; and the records behind each figure."""
