"""The one pass over a batch of pairs, compiled: counts, numbers, overlap, hashes.

Everything is in this file because Numba's cache looks at no other file when it asks whether a function has
changed. Hashes are polynomials modulo 2^64 with an odd base, finished by MurmurHash3's mixer.
"""

from typing import Any, Final

import numpy as np
from numba import njit

_U64 = np.uint64
# 2^64 over the golden ratio (Knuth, TAOCP 3, 6.4) and MurmurHash3's finaliser.
_BASE: Final = np.uint64(0xD6E8FEB86659FD93)
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX1: Final = np.uint64(0xFF51AFD7ED558CCD)
_MIX2: Final = np.uint64(0xC4CEB9FE1A85EC53)

# The bits of a code point's facts; the lowest four are a digit's value.
DIGIT: Final = 1 << 4
LETTER: Final = 1 << 5
SPACE: Final = 1 << 6
UNSPACED: Final = 1 << 7
CONTROL: Final = 1 << 8
LATIN: Final = 1 << 9
OF_SCRIPT: Final = 1 << 10
CLOSER: Final = 1 << 11
SEPARATOR: Final = 1 << 12
GROUPING: Final = 1 << 13
DECIMAL: Final = 1 << 14
NUMERAL: Final = 1 << 15
WORD: Final = 1 << 16
ENDS_AT: Final = 17
# How a sentence ends, in the three bits from ENDS_AT on.
ENDS_NOT, ENDS_STOP, ENDS_QUESTION, ENDS_EXCLAMATION, ENDS_OPEN = range(5)

# What is counted of either side. WORDLIKE are letters and their marks, OWN letters in the side's script.
(
    POINTS, VISIBLE, LETTERS, OWN, WORDLIKE, WORDS, CONTROLS, REPLACED, NULS, URLS, TAGS, SEPARATORS, ENDS,
    NUMERALS, REPEATED, SIDE,
) = range(16)  # fmt: skip
# What is computed of both, after the counts of English and of the other side.
(
    IDENTICAL, COPIED, CONFLICTS, AGREEMENT, PHRASES, MATCHES, STOPS, PAIR,
) = range(8)  # fmt: skip
COLUMNS: Final = 2 * SIDE + PAIR
# Hashes of a pair: without regard to case and marks; without numbers and diacritics too; either side alone.
EXACT, NEAR, ENGLISH, TARGET, HASHES = range(5)

_MOST_NUMBERS: Final = 48
# Words of a side that are compared; a sentence of more is too long for any setting.
_MOST_UNITS: Final = 4096
_TABLE: Final = 1 << 13
_NUMBER: Final = np.uint64(0x6E756D626572)
_LONGEST_PHRASE: Final = 5
_NOTICE: Final = 3
# A number word that may stand for any number.
ANY: Final = -1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def mixed(value: Any) -> Any:
    """MurmurHash3's finaliser: every bit of the result depends on every bit of `value`."""
    value = (value ^ (value >> _U64(33))) * _MIX1
    value = (value ^ (value >> _U64(33))) * _MIX2
    return value ^ (value >> _U64(33))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _decode(data: Any, at: int, end: int, points: Any) -> Any:
    """Writes the code points of UTF-8 and returns how many there are; what is none is U+FFFD."""
    n = 0
    while at < end:
        byte = np.uint32(data[at])
        if byte < 0x80:
            points[n] = byte
            at += 1
        elif byte < 0xE0 and at + 1 < end:
            points[n] = (byte & np.uint32(0x1F)) << 6 | np.uint32(data[at + 1] & 0x3F)
            at += 2
        elif byte < 0xF0 and at + 2 < end:
            points[n] = (
                (byte & np.uint32(0x0F)) << 12
                | np.uint32(data[at + 1] & 0x3F) << 6
                | np.uint32(data[at + 2] & 0x3F)
            )
            at += 3
        elif at + 3 < end:
            point = (
                (byte & np.uint32(0x07)) << 18
                | np.uint32(data[at + 1] & 0x3F) << 12
                | np.uint32(data[at + 2] & 0x3F) << 6
                | np.uint32(data[at + 3] & 0x3F)
            )
            points[n] = point if point < 0x110000 else 0xFFFD
            at += 4
        else:
            points[n] = 0xFFFD
            at += 1
        n += 1
    return n


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _number(points: Any, n: int, at: int, facts: Any, values: Any, exact: Any, count: int) -> Any:
    """Reads the number at `at` with its separators, or the first part of a date; returns count and where it ends.

    A number is the digits of its groups as one decimal number, whatever stands between them: 1,500 and 1.500 and
    1 500 are one number, and so are 2.5 and 2,5. `exact` says that nothing stood between them.
    """
    groups = 0
    ends = at
    good = True  # groups of thousands, or of Indian hundreds
    first_length = last_length = 0
    kind: Any = np.uint32(0)
    before: Any = np.uint32(0)
    differing = False
    end = at
    after_first = at
    indian = True
    while True:
        start = end
        while end < n and facts[points[end]] & DIGIT:
            end += 1
        length = end - start
        groups += 1
        if groups == 1:
            first_length = length
            after_first = end
        else:
            if groups > 2 and last_length != 3:
                # A group of hundreds within: Indian, or a date.
                good = False
            if groups > 2 and last_length != 2:
                indian = False
        last_length = length
        ends = end
        if end + 1 >= n or not facts[points[end + 1]] & DIGIT:
            break
        mark = facts[points[end]]
        if mark & GROUPING:
            # Three digits, and no more: else a new number begins.
            three: Any = 0
            while end + 1 + three < n and facts[points[end + 1 + three]] & DIGIT:
                three += 1
            if three != 3 or first_length > 3 or (groups > 1 and last_length != 3):
                break
        elif not mark & DECIMAL:
            break
        if groups > 1 and points[end] != before:
            if differing:
                good = False
            differing = True
        before = points[end]
        kind = mark
        end += 1
    if groups > 2:
        thousands = good and (last_length == 3 or differing)
        hundreds = indian and last_length == 3 and before == 44
        if not thousands and not hundreds:
            # A date or a version: its parts are numbers of their own.
            ends = after_first
            groups = 1
    if count < _MOST_NUMBERS:
        value: Any = 0
        read = 0
        for i in range(at, ends):
            fact = facts[points[i]]
            if fact & DIGIT and read < 18:
                value = value * 10 + np.int64(fact & 15)
                read += value > 0
        values[count] = value
        exact[count] = groups == 1 or not kind & DECIMAL
        count += 1
    return count, ends


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _is_letter(points: Any, n: int, at: int, facts: Any) -> Any:
    """Whether a Burmese digit stands for the letter that looks like it: a zero alone, or a four before nga."""
    if points[at] != 0x1040 and points[at] != 0x1044:
        return False
    alone = (at == 0 or not facts[points[at - 1]] & DIGIT) and (at + 1 == n or not facts[points[at + 1]] & DIGIT)
    return alone and (points[at] == 0x1040 or (at + 1 < n and points[at + 1] == 0x1004))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _side(
    points: Any, n: int, facts: Any, own: int, lower: Any, base: Any, row: Any,
    units: Any, sizes: Any, named: Any, values: Any, exact: Any, gram: int, known: Any,
) -> Any:  # fmt: skip
    """Counts one side into `row`, and writes its units and numbers.

    A unit is a word, or a character where words are not spaced; `sizes` are their letters, `named` says that one
    begins with a capital. Returns the numbers of units and numbers, the hash of the side's letters and numbers,
    the hash without numbers and diacritics, and how many n-grams of `gram` units are in the table `known`.
    """
    for column in range(SIDE):
        row[column] = 0.0
    whole = near = _U64(0)
    unit = _U64(0)
    count = numbers = size = 0
    capital = False
    in_word = False
    worded = False
    visible = letters = owned = wordlike = spaced = controls = replaced = nuls = urls = tags = marks = quotes = (
        numerals
    ) = 0
    last: Any = ENDS_NOT
    number_until = 0
    for at in range(n):
        point = points[at]
        fact = facts[point]
        if fact & SPACE:
            spaced += worded
            worded = False
        else:
            visible += 1
        if fact & WORD:
            last = ENDS_NOT
            worded = True
            # UTF-8 that was read as Latin-1: two bytes of one letter as two characters.
            if (point == 0xC2 or point == 0xC3) and at + 1 < n and 0xA0 <= points[at + 1] < 0xC0:
                replaced += 1
            small = _U64(lower[point])
            whole = whole * _BASE + small
            if fact & LETTER:
                letters += 1
                owned += (fact & own) != 0
            numerals += (fact & NUMERAL) != 0
            if fact & DIGIT:
                if at >= number_until and not _is_letter(points, n, at, facts):
                    near = near * _BASE + _NUMBER
                    numbers, number_until = _number(points, n, at, facts, values, exact, numbers)
            else:
                wordlike += 1
                bare = _U64(base[point])
                if bare:
                    near = near * _BASE + bare
            if fact & UNSPACED:
                if in_word and count < _MOST_UNITS:
                    units[count], sizes[count], named[count] = mixed(unit), size, capital
                    count += 1
                in_word = False
                if fact & LETTER and count < _MOST_UNITS:
                    units[count], sizes[count], named[count] = mixed(small), 1, False
                    count += 1
            else:
                if not in_word:
                    in_word = True
                    unit = _U64(0)
                    size = 0
                    capital = small != _U64(point)
                unit = unit * _BASE + small
                size += (fact & LETTER) != 0
            continue
        if in_word:
            if count < _MOST_UNITS:
                units[count], sizes[count], named[count] = mixed(unit), size, capital
                count += 1
            in_word = False
        if fact & SPACE:
            continue
        if fact & CONTROL:
            controls += 1
            nuls += point == 0
        if point == 0xFFFD:
            replaced += 1
        if fact & SEPARATOR:
            # Not within a word: a dot parts the names of a person in Chinese.
            apart = point == 124 or at == 0 or at + 1 == n
            marks += apart or (facts[points[at - 1]] | facts[points[at + 1]]) & SPACE != 0
        # Quotation marks where they are paired, arrows where not.
        quotes += (point == 0xBB) - (point == 0xAB)
        ends = (fact >> ENDS_AT) & 7
        if ends:
            last = np.int64(ends)
        elif not fact & CLOSER:
            last = ENDS_NOT
        if point == 58:  # ://
            urls += at + 2 < n and points[at + 1] == 47 and points[at + 2] == 47
        elif point == 46 and at >= 3:  # www.
            www = points[at - 1] | 32 == 119 and points[at - 2] | 32 == 119 and points[at - 3] | 32 == 119
            urls += www and not (at >= 4 and points[at - 4] == 47)
        elif point == 60 and at + 1 < n:  # < and a letter or slash, > before long
            if points[at + 1] == 47 or facts[points[at + 1]] & LATIN:
                for ahead in range(at + 2, min(n, at + 80)):
                    if points[ahead] == 62:
                        tags += 1
                        break
        elif point == 38:  # an entity: & and letters or digits, ; before long
            for ahead in range(at + 1, min(n, at + 9)):
                if points[ahead] == 59:
                    tags += ahead > at + 2
                    break
                if not (facts[points[ahead]] & (LATIN | DIGIT) or points[ahead] == 35):
                    break
    spaced += worded
    if in_word and count < _MOST_UNITS:
        units[count], sizes[count], named[count] = mixed(unit), size, capital
        count += 1
    row[POINTS], row[VISIBLE], row[LETTERS], row[OWN] = n, visible, letters, owned
    row[WORDLIKE], row[WORDS], row[CONTROLS], row[REPLACED] = wordlike, spaced, controls, replaced
    row[NULS], row[URLS], row[TAGS], row[SEPARATORS] = nuls, urls, tags, marks + abs(quotes)
    row[ENDS], row[NUMERALS] = last, numerals
    found = 0
    if gram > 0 and known.size > 1 and count >= gram:
        power = _U64(1)
        for _ in range(gram):
            power = power * _BASE
        key = _U64(0)
        for k in range(count):
            key = key * _BASE + units[k]
            if k >= gram:
                key = key - power * units[k - gram]
            if k >= gram - 1:
                found += _in(known, mixed(key))
    return count, numbers, mixed(whole), mixed(near + _GOLDEN), found


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _in(table: Any, key: Any) -> Any:
    """Whether a hash table of a power of 2 slots, 0 where free, holds `key`."""
    mask = table.size - 1
    slot = np.int64(key >> _U64(20)) & mask
    while table[slot]:
        if table[slot] == key:
            return 1
        slot = (slot + 1) & mask
    return 0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def hash_table(keys: Any) -> Any:
    """A hash table of `keys` for `_in`: a power of 2 slots, at most half of them taken."""
    size = 1
    while size < 2 * keys.size + 1:
        size *= 2
    table = np.zeros(size, dtype=np.uint64)
    for key in keys:
        slot = np.int64(key >> _U64(20)) & (size - 1)
        while table[slot] and table[slot] != key:
            slot = (slot + 1) & (size - 1)
        table[slot] = key
    return table


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mask(count: int) -> Any:
    """The places of a set of `count` keys, less one: few keys stay in the processor's nearest memory."""
    size = 64
    while size < 2 * count:
        size *= 2
    return size - 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _add(keys: Any, stamps: Any, mask: int, stamp: int, key: Any) -> Any:
    """Adds a key to a set that is emptied by a new stamp; whether it was there."""
    slot = np.int64(key >> _U64(33)) & mask
    while stamps[slot] == stamp:
        if keys[slot] == key:
            return True
        slot = (slot + 1) & mask
    stamps[slot] = stamp
    keys[slot] = key
    return False


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _holds(keys: Any, stamps: Any, mask: int, stamp: int, key: Any) -> Any:
    slot = np.int64(key >> _U64(33)) & mask
    while stamps[slot] == stamp:
        if keys[slot] == key:
            return True
        slot = (slot + 1) & mask
    return False


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _shared(
    units: Any,
    sizes: Any,
    named: Any,
    count: int,
    others: Any,
    other_count: int,
    keys: Any,
    stamps: Any,
    stamp: int,
) -> Any:
    """The share of a side's letters that stand in words of the other side, names left out.

    Names are the same in many languages: words that begin with a capital count only where no other word is there.
    """
    mask = _mask(other_count)
    for k in range(other_count):
        _add(keys, stamps, mask, stamp, others[k])
    for names in (False, True):
        total = shared = 0
        for k in range(count):
            if sizes[k] > 0 and (names or not named[k]):
                total += sizes[k]
                if _holds(keys, stamps, mask, stamp, units[k]):
                    shared += sizes[k]
        # A short word alone says nothing.
        if total >= 8 or names:
            return shared / total if total else 0.0
    return 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _repeats(units: Any, count: int, gram: int, keys: Any, stamps: Any, stamp: int) -> Any:
    """The share of a side's n-grams of units that stood there before."""
    if count <= gram:
        return 0.0
    again = 0
    mask = _mask(count)
    for k in range(count - gram + 1):
        key = _U64(0)
        for ahead in range(gram):
            key = key * _BASE + units[k + ahead]
        again += _add(keys, stamps, mask, stamp, mixed(key))
    return again / (count - gram + 1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _phrases(units: Any, sizes: Any, count: int, phrases: Any, notices: Any, begins: Any) -> Any:
    """The share of the words that stand in phrases, the longest at each place.

    A notice is worth _NOTICE words more. Every number is the same word.
    """
    covered = k = 0
    while k < count:
        longest = worth = 0
        key = _U64(0)
        # Nearly no word begins a phrase.
        begun = _in(begins, units[k] if sizes[k] else _NUMBER)
        for length in range(min(_LONGEST_PHRASE, count - k) if begun else 0):
            key = key * _BASE + (units[k + length] if sizes[k + length] else _NUMBER)
            if _in(notices, mixed(key)):
                longest, worth = length + 1, _NOTICE
            elif _in(phrases, mixed(key)):
                longest, worth = length + 1, 0
        covered += longest + worth
        k += max(longest, 1)
    return covered / count if count else 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _alike(a: int, a_exact: bool, b: int, b_exact: bool, scaled: bool, year: int) -> Any:
    """Whether two numbers that differ are the same said otherwise.

    1.5 (million) and 1,500,000; half past 8 (pm) and 20:30; '19 and 2019; a year of another era.
    """
    if a > 0 and b > 0:
        big, small = max(a, b), min(a, b)
        zeros = 0
        while big > small and big % 10 == 0:
            big //= 10
            zeros += 1
        if big == small and (scaled or zeros >= 3 or not (a_exact and b_exact)):
            return True
        # 2.50 and 250,000: zeros at the end of either.
        while small % 10 == 0:
            small //= 10
        if zeros and big == small and not (a_exact and b_exact):
            return True
    if a_exact and b_exact and 1900 <= max(a, b) < 2100 and max(a, b) % 100 == min(a, b):
        return True
    if max(a, b) <= 24 and abs(a - b) == 12:
        return True
    return year > 0 and abs(a - b) == year and min(a, b) >= 1000


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _digits_in_order(values: Any, taken: Any, count: int) -> Any:
    key = _U64(0)
    for k in range(count):
        if not taken[k]:
            power = 1
            while values[k] // power >= 10:
                power *= 10
            while power:
                key = key * _BASE + _U64(values[k] // power % 10 + 1)
                power //= 10
    return key


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _compare_numbers(
    a: Any, a_exact: Any, a_count: int, b: Any, b_exact: Any, b_count: int, a_taken: Any, b_taken: Any,
    said: Any, said_count: int, worded: int, small: int, scaled: bool, year: int,
) -> Any:  # fmt: skip
    """How many numbers contradict each other, and the share of all that agree; `a` is English.

    Numbers that are left over on one side may be written out on the other. What English writes out is known:
    `said`. Of the other language nothing is known but the numerals of Chinese and Ethiopic (`worded`, with the
    English words that may be any number), so that English numbers up to `small` are let pass.
    """
    matched = 0
    for i in range(a_count):
        a_taken[i] = False
    for j in range(b_count):
        b_taken[j] = False
    for alike in (False, True):
        for i in range(a_count):
            if a_taken[i]:
                continue
            for j in range(b_count):
                if b_taken[j]:
                    continue
                same = a[i] == b[j]
                if alike and not same:
                    same = _alike(a[i], a_exact[i], b[j], b_exact[j], scaled, year)
                if same:
                    a_taken[i] = b_taken[j] = True
                    matched += 1
                    break
    left_a = a_count - matched
    left_b = b_count - matched
    if left_a and left_b and _digits_in_order(a, a_taken, a_count) == _digits_in_order(b, b_taken, b_count):
        # 20.30 and 20:30, one number and two.
        return 0, 1.0
    if left_b:
        for j in range(b_count):
            if b_taken[j]:
                continue
            for k in range(said_count):
                if said[k] == b[j]:
                    said[k] = ANY
                    b_taken[j] = True
                    left_b -= 1
                    break
    conflicts = min(left_a, left_b)
    over = max(left_a, left_b) - conflicts
    forgiven = 0
    if left_a > left_b:
        for i in range(a_count):
            forgiven += not a_taken[i] and a[i] <= small
    missing = max(0, over - forgiven - worded)
    total = matched + conflicts + missing
    return conflicts, matched / total if total else 1.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _written_out(units: Any, count: int, words: Any, values: Any, said: Any) -> Any:
    """Writes to `said` what numbers are written out in English: how many, and how many words may be any number.

    `words` are sorted hashes, `values` their numbers. Twenty and three one after the other are 23 too.
    """
    found = anything = 0
    tens = 0
    for k in range(count):
        place = np.searchsorted(words, units[k])
        if place == words.size or words[place] != units[k]:
            tens = 0
            continue
        value = values[place]
        if value == ANY:
            anything += 1
        elif found < _MOST_NUMBERS - 1:
            said[found] = value
            found += 1
            if tens and 0 < value < 10:
                said[found] = tens + value
                found += 1
        tens = value if 20 <= value < 100 and value % 10 == 0 else 0
    return found, anything


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def measure_pairs(
    english: Any, english_offsets: Any, target: Any, target_offsets: Any, facts: Any, lower: Any, base: Any,
    unspaced: bool, phrases: Any, notices: Any, begins: Any, number_words: Any, number_values: Any, stops: Any,
    small: int, scaled: bool, year: int,
    gram: int, target_gram: int, english_known: Any, target_known: Any, known: Any,
) -> Any:  # fmt: skip
    """Measures pairs whose sides lie one after the other in two buffers of UTF-8.

    Returns values (pairs, COLUMNS): the counts of English, of the other side, and of both; and hashes
    (pairs, HASHES).
    """
    pairs = english_offsets.size - 1
    longest = 1
    for i in range(pairs):
        longest = max(
            longest, english_offsets[i + 1] - english_offsets[i], target_offsets[i + 1] - target_offsets[i]
        )
    points = np.empty(longest, dtype=np.uint32)
    values = np.zeros((pairs, COLUMNS))
    hashes = np.zeros((pairs, HASHES), dtype=np.uint64)
    units_a = np.empty(_MOST_UNITS, dtype=np.uint64)
    units_b = np.empty(_MOST_UNITS, dtype=np.uint64)
    sizes_a = np.empty(_MOST_UNITS, dtype=np.int32)
    sizes_b = np.empty(_MOST_UNITS, dtype=np.int32)
    named_a = np.empty(_MOST_UNITS, dtype=np.bool_)
    named_b = np.empty(_MOST_UNITS, dtype=np.bool_)
    numbers_a = np.empty(_MOST_NUMBERS, dtype=np.int64)
    numbers_b = np.empty(_MOST_NUMBERS, dtype=np.int64)
    exact_a = np.empty(_MOST_NUMBERS, dtype=np.bool_)
    exact_b = np.empty(_MOST_NUMBERS, dtype=np.bool_)
    taken_a = np.empty(_MOST_NUMBERS, dtype=np.bool_)
    taken_b = np.empty(_MOST_NUMBERS, dtype=np.bool_)
    said = np.empty(_MOST_NUMBERS, dtype=np.int64)
    keys = np.zeros(_TABLE, dtype=np.uint64)
    stamps = np.zeros(_TABLE, dtype=np.int64)
    stamp = 0
    for i in range(pairs):
        row = values[i]
        n = _decode(english, english_offsets[i], english_offsets[i + 1], points)
        count_a, met_a, whole_a, near_a, grams_a = _side(
            points, n, facts, LATIN, lower, base, row[:SIDE], units_a, sizes_a, named_a, numbers_a, exact_a,
            gram, english_known,
        )  # fmt: skip
        n = _decode(target, target_offsets[i], target_offsets[i + 1], points)
        count_b, met_b, whole_b, near_b, grams_b = _side(
            points, n, facts, OF_SCRIPT, lower, lower if unspaced else base, row[SIDE:], units_b, sizes_b, named_b,
            numbers_b, exact_b, target_gram, target_known,
        )  # fmt: skip
        both = row[2 * SIDE :]
        both[IDENTICAL] = whole_a == whole_b
        stamp += 1
        copied = _shared(units_a, sizes_a, named_a, count_a, units_b, count_b, keys, stamps, stamp)
        stamp += 1
        back = _shared(units_b, sizes_b, named_b, count_b, units_a, count_a, keys, stamps, stamp)
        # A character of a script without spaces is no word that could be shared.
        both[COPIED] = copied if unspaced else max(copied, back)
        stamp += 1
        row[REPEATED] = _repeats(units_a, count_a, 2, keys, stamps, stamp)
        stamp += 1
        row[SIDE + REPEATED] = _repeats(units_b, count_b, 4 if unspaced else 2, keys, stamps, stamp)
        if met_a or met_b:
            worded = np.int64(row[SIDE + NUMERALS])
            said_count, anything = _written_out(units_a, count_a, number_words, number_values, said)
            worded += anything
            conflicts, agreement = _compare_numbers(
                numbers_a,
                exact_a,
                met_a,
                numbers_b,
                exact_b,
                met_b,
                taken_a,
                taken_b,
                said,
                said_count,
                worded,
                small,
                scaled,
                year,
            )
            both[CONFLICTS], both[AGREEMENT] = conflicts, agreement
        else:
            both[CONFLICTS], both[AGREEMENT] = 0.0, 1.0
        both[PHRASES] = _phrases(units_a, sizes_a, count_a, phrases, notices, begins)
        stopped = 0
        for k in range(count_b):
            stopped += _in(stops, units_b[k])
        both[STOPS] = stopped / count_b if count_b else 0.0
        matches = grams_a + grams_b
        if known.size > 1:
            matches += _in(known, whole_a) + _in(known, whole_b)
        both[MATCHES] = matches
        hashes[i, EXACT] = mixed(whole_a * _GOLDEN + whole_b)
        hashes[i, NEAR] = mixed(near_a * _GOLDEN + near_b)
        hashes[i, ENGLISH], hashes[i, TARGET] = whole_a, whole_b
    return values, hashes


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def unit_hashes(data: Any, offsets: Any, facts: Any, lower: Any, base: Any, gram: int) -> Any:
    """The whole hash of each text, of every n-gram of `gram` units, and of every unit.

    A `gram` of 0 takes all units of a text as one n-gram. Phrases, number words and benchmark sentences become
    tables with this.
    """
    texts = offsets.size - 1
    whole = np.zeros(texts, dtype=np.uint64)
    grams = np.empty(offsets[texts] - offsets[0] + texts, dtype=np.uint64)
    every = np.empty(grams.size, dtype=np.uint64)
    used = met = 0
    longest = 1
    for i in range(texts):
        longest = max(longest, offsets[i + 1] - offsets[i])
    points = np.empty(longest, dtype=np.uint32)
    row = np.zeros(SIDE)
    units = np.empty(_MOST_UNITS, dtype=np.uint64)
    sizes = np.empty(_MOST_UNITS, dtype=np.int32)
    named = np.empty(_MOST_UNITS, dtype=np.bool_)
    values = np.empty(_MOST_NUMBERS, dtype=np.int64)
    exact = np.empty(_MOST_NUMBERS, dtype=np.bool_)
    nothing = np.zeros(1, dtype=np.uint64)
    for i in range(texts):
        n = _decode(data, offsets[i], offsets[i + 1], points)
        count, _, whole[i], _, _ = _side(
            points, n, facts, LATIN, lower, base, row, units, sizes, named, values, exact, 0, nothing
        )
        for k in range(count):
            if not gram and not sizes[k]:
                units[k] = _NUMBER
            every[met] = units[k]
            met += 1
        length = gram if gram else count
        if length == 0:
            continue
        for k in range(count - length + 1):
            key = _U64(0)
            for ahead in range(length):
                key = key * _BASE + units[k + ahead]
            grams[used] = mixed(key)
            used += 1
    return whole, grams[:used].copy(), every[:met].copy()
