"""The SMART check: what is wrong with a goal, rule by rule, and what would mend it."""
