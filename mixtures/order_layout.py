"""The numbers that every order of documents is laid out by: with others it is another order.

Numba's cache does not see that they change: whoever changes one raises `mixtures.order.ORDER_VERSION`, and deletes
the cache.
"""

from typing import Final

# Rounds of a permutation: each is a bijection on k bits, a shift with exclusive or, a multiplication by an odd
# number, an addition.
ROUNDS: Final = 4
# Every how many documents the tokens so far are noted.
EVERY: Final = 1024
