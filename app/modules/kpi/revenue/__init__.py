"""Revenue performance: total, growth, targets, quotas and what share of them was attained."""
