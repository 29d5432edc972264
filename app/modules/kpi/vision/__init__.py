"""From the vision to the people: pillars, objectives and the goals that serve them."""
