"""Documents in another language: cut into pieces, translated by a model, put together again and checked."""
