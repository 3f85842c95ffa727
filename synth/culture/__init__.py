"""Documents dense in culture: found, told apart by topic and region, and written anew from what they say."""
