"""Files brought in: read, checked row by row, staged, and published at once."""
