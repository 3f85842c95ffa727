"""Which pairs are the best of those that the chain keeps: by an embedding model, or by what the chain measured."""
