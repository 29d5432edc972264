"""Many goals at once: planning a period for a team, sharing a goal out, rules that make goals, and the end of a period."""
