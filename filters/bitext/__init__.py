"""Translation pairs with English: what may stay of what was mined from the web."""
