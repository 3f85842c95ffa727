"""The one pass over a batch of texts, compiled: words, statistics, n-grams, signatures.

Everything is in this file because Numba's cache looks at no other file when it asks whether a function has
changed.

Strings are compared by polynomial hashes modulo 2^64: of characters c_1 ... c_k, the sum of (c_i + 1) B^(k-i) for
an odd B. The hash of two strings put together follows from theirs, so that an n-gram costs one multiplication.
Texts made to collide (Thue-Morse words of a thousand characters) would be taken for repetitions, which they nearly
are.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from filters import characters as ch

_U64 = np.uint64
# Odd constants without structure: 2^64 over the golden ratio (Knuth, TAOCP 3, 6.4) and the finaliser of
# MurmurHash3.
_BASE: Final = np.uint64(0xD6E8FEB86659FD93)
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX1: Final = np.uint64(0xFF51AFD7ED558CCD)
_MIX2: Final = np.uint64(0xC4CEB9FE1A85EC53)
# What every number is taken for in shingles, as datatrove's `simplify_text` has it.
_NUMBER: Final = np.uint64(0x6E756D626572)
# Words that n-grams are counted over; a document of more is too long for any web filter (Gopher: 100,000).
MOST_WORDS: Final = 1 << 20

# The columns of the statistics, in the order of `filters.statistics.STATISTICS`.
(
    CHARACTERS, LINES, WORDS, NON_SYMBOL_WORDS, AVG_WORD_LENGTH, HASH_RATIO, ELLIPSIS_RATIO, BULLET_LINES,
    ELLIPSIS_LINES, ALPHA_RATIO, STOP_WORDS, LINE_PUNCT, CHAR_DUP, LIST_RATIO, DUP_LINE_FRAC, TOP_2,
) = range(16)  # fmt: skip
TOP_3, TOP_4, DUP_5, SCRIPT_SHARE, COLUMNS = 16, 17, 18, 24, 25

_SHINGLE: Final = 5


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def mixed(value: Any) -> Any:
    """MurmurHash3's finaliser: every bit of the result depends on every bit of `value`."""
    value = (value ^ (value >> _U64(33))) * _MIX1
    value = (value ^ (value >> _U64(33))) * _MIX2
    return value ^ (value >> _U64(33))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def need_dictionary(data: npt.NDArray[np.uint8], offsets: Any, word_break: npt.NDArray[np.uint8]) -> Any:
    """Whether each text holds a character that ICU takes to a dictionary."""
    found = np.zeros(offsets.size - 1, dtype=np.bool_)
    for i in range(offsets.size - 1):
        at, end = offsets[i], offsets[i + 1]
        while at < end:
            # No such character has fewer than three bytes.
            if data[at] < 0xE0:
                at += 1
                continue
            if at + 2 >= end:
                break
            if data[at] < 0xF0:
                point = (data[at] & 0x0F) << 12 | (data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F)
                at += 3
            else:
                if at + 3 >= end:
                    break
                point = (data[at] & 0x07) << 18 | (data[at + 1] & 0x3F) << 12
                point |= (data[at + 2] & 0x3F) << 6 | (data[at + 3] & 0x3F)
                at += 4
            if point < word_break.size and word_break[point] == ch.DICTIONARY:
                found[i] = True
                break
    return found


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _decode(data: Any, at: int, end: int, points: Any) -> Any:
    """Writes the code points of valid UTF-8 and returns how many there are."""
    n = 0
    while at < end:
        byte = data[at]
        if byte < 0x80:
            points[n] = byte
            at += 1
        elif byte < 0xE0 and at + 1 < end:
            points[n] = np.uint32(byte & 0x1F) << 6 | np.uint32(data[at + 1] & 0x3F)
            at += 2
        elif byte < 0xF0 and at + 2 < end:
            points[n] = (
                np.uint32(byte & 0x0F) << 12 | np.uint32(data[at + 1] & 0x3F) << 6 | np.uint32(data[at + 2] & 0x3F)
            )
            at += 3
        elif at + 3 < end:
            points[n] = min(
                np.uint32(byte & 0x07) << 18
                | np.uint32(data[at + 1] & 0x3F) << 12
                | np.uint32(data[at + 2] & 0x3F) << 6
                | np.uint32(data[at + 3] & 0x3F),
                np.uint32(0x10FFFF),
            )
            at += 4
        else:
            points[n] = 0xFFFD
            at += 1
        n += 1
    return n


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _ignored(kind: int) -> bool:
    return kind == ch.EXTEND or kind == ch.FORMAT or kind == ch.ZWJ


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _after(points: Any, n: int, at: int, word_break: Any) -> Any:
    """The class of the first character after `at` that is not an extension of it (WB4)."""
    at += 1
    while at < n and _ignored(word_break[points[at]]):
        at += 1
    return word_break[points[at]] if at < n else ch.OTHER


# Classes, as bits, that always end a run of letters; and that nothing but an extension joins at a piece's
# beginning.
_ENDS_LETTERS: Final = sum(
    1 << kind
    for kind in (
        ch.OTHER, ch.CR, ch.LF, ch.NEWLINE, ch.MID_NUM, ch.REGIONAL, ch.SEG_SPACE, ch.DOUBLE_QUOTE, ch.HANGUL,
        ch.DICTIONARY,
    )
)  # fmt: skip
_ALONE: Final = sum(
    1 << kind
    for kind in (
        ch.OTHER, ch.MID_LETTER, ch.MID_NUM, ch.MID_NUM_LET, ch.SINGLE_QUOTE, ch.DOUBLE_QUOTE, ch.DICTIONARY,
    )
)  # fmt: skip


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _boundary(points: Any, n: int, at: int, word_break: Any, flags: Any) -> Any:
    """Where the piece that begins at `at` ends: UAX #29's word boundaries (revision 47), numbered as there."""
    last: Any = np.int64(word_break[points[at]])
    before: Any = ch.OTHER
    at += 1
    if last == ch.CR:
        return at + 1 if at < n and word_break[points[at]] == ch.LF else at  # WB3
    if last == ch.LF or last == ch.NEWLINE:
        return at  # WB3a
    if last == ch.ALETTER:
        # Most pieces are letters up to a blank, or a mark by itself: they need none of the rules below.
        before = ch.ALETTER
        while at < n and word_break[points[at]] == ch.ALETTER:
            at += 1
        if at < n and (_ENDS_LETTERS >> np.int64(word_break[points[at]])) & 1:
            return at
    elif (_ALONE >> last) & 1 and at < n and not _ignored(np.int64(word_break[points[at]])):
        return at
    regionals = 1
    while at < n:
        kind = np.int64(word_break[points[at]])
        if _ignored(kind):  # WB4
            at += 1
            continue
        raw = np.int64(word_break[points[at - 1]])
        letter = last == ch.ALETTER or last == ch.HEBREW
        next_letter = kind == ch.ALETTER or kind == ch.HEBREW
        quote_or_both = kind == ch.MID_NUM_LET or kind == ch.SINGLE_QUOTE
        was_quote_or_both = last == ch.MID_NUM_LET or last == ch.SINGLE_QUOTE
        joined: Any = False
        if kind == ch.CR or kind == ch.LF or kind == ch.NEWLINE:  # WB3b
            pass
        elif raw == ch.ZWJ and flags[points[at]] & ch.PICTOGRAPHIC:  # WB3c
            joined = True
        elif kind == ch.SEG_SPACE:  # WB3d
            joined = raw == ch.SEG_SPACE
        elif letter and (next_letter or kind == ch.NUMERIC or kind == ch.EXTEND_NUM_LET):  # WB5, 9, 13a
            joined = True
        elif letter and (kind == ch.MID_LETTER or quote_or_both):  # WB6, 7a
            follows = _after(points, n, at, word_break)
            joined = follows == ch.ALETTER or follows == ch.HEBREW
            joined |= last == ch.HEBREW and kind == ch.SINGLE_QUOTE
        elif next_letter and (last == ch.MID_LETTER or was_quote_or_both):  # WB7
            joined = before == ch.ALETTER or before == ch.HEBREW
        elif last == ch.HEBREW and kind == ch.DOUBLE_QUOTE:  # WB7b
            joined = _after(points, n, at, word_break) == ch.HEBREW
        elif last == ch.DOUBLE_QUOTE and kind == ch.HEBREW:  # WB7c
            joined = before == ch.HEBREW
        elif last == ch.NUMERIC and (
            next_letter or kind == ch.NUMERIC or kind == ch.EXTEND_NUM_LET
        ):  # WB8, 10, 13a
            joined = True
        elif kind == ch.NUMERIC and (last == ch.MID_NUM or was_quote_or_both):  # WB11
            joined = before == ch.NUMERIC
        elif last == ch.NUMERIC and (kind == ch.MID_NUM or quote_or_both):  # WB12
            joined = _after(points, n, at, word_break) == ch.NUMERIC
        elif last == ch.EXTEND_NUM_LET:  # WB13a, b
            joined = kind == ch.EXTEND_NUM_LET or next_letter or kind == ch.NUMERIC
        elif last == ch.HANGUL:
            joined = raw == ch.HANGUL and kind == ch.HANGUL
        elif last == ch.REGIONAL and kind == ch.REGIONAL:  # WB15, 16
            joined = regionals % 2 == 1
            regionals += 1
        if not joined:
            return at
        before = last
        last = kind
        at += 1
    return at


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def boundaries(points: Any, word_break: Any, flags: Any) -> Any:
    """The end of every piece of a text of code points, in order (for tests)."""
    ends = []
    at = 0
    while at < points.size:
        at = _boundary(points, points.size, at, word_break, flags)
        ends.append(at)
    return np.array(ends, dtype=np.int64)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _words(points: Any, n: int, word_break: Any, flags: Any, ends_given: Any, starts: Any, ends: Any) -> Any:
    """Start and end of each word and mark, white space left out; a hyphen in a word goes with what is before it.

    `ends_given` are the ends of the pieces where a dictionary has found them, and empty elsewhere.
    """
    count = given = at = 0
    while at < n:
        start = at
        if ends_given.size:
            end = ends_given[given]
            given += 1
        else:
            end = _boundary(points, n, at, word_break, flags)
        at = end
        if end - start == 1:
            flag = flags[points[start]]
            if flag & ch.SPACE:
                continue
            inside = flag & ch.HYPHEN and start and end < n
            if inside and flags[points[start - 1]] & ch.ALNUM and flags[points[end]] & ch.ALNUM:
                ends[count - 1] = end
                continue
        while start < end and flags[points[start]] & ch.SPACE:
            start += 1
        while start < end and flags[points[end - 1]] & ch.SPACE:
            end -= 1
        if start < end:
            starts[count], ends[count] = start, end
            count += 1
    return count


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _bits(items: int) -> Any:
    """The size of a hash table for so many items, as a power of 2: at most half full."""
    bits = 4
    while (1 << bits) < 2 * items:
        bits += 1
    return bits


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _slot(keys: Any, stamps: Any, epoch: int, bits: int, key: Any) -> Any:
    """The slot of `key`, or the free one that it belongs in; slots of another epoch are free."""
    mask = (1 << bits) - 1
    slot = np.int64((key * _GOLDEN) >> _U64(64 - bits))
    while stamps[slot] == epoch and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _lines(points: Any, n: int, flags: Any, lines: Any, keys: Any, stamps: Any, epoch: int, row: Any) -> Any:
    """All that is counted by lines, for three ideas of a line: of FineWeb, Gopher's repetition, Gopher's quality.

    `lines` takes the hash of each line. Returns the epoch that was used last.
    """
    # str.split("\n"): FineWeb's lines that are not blank.
    count = ended = newlines = duplicate_characters = 0
    # str.splitlines(): Gopher's quality.
    visible = bullets = ellipses = 0
    # "\n+": Gopher's repetition.
    parts = duplicate_parts = 0
    hashes = dots = 0
    start = 0
    epoch += 1
    bits = 4
    split = 1
    for i in range(n):
        split += points[i] == 10
    bits = _bits(split)
    other = epoch + 1
    for i in range(n + 1):
        if i < n and points[i] != 10:
            continue
        newlines += i < n
        key = _U64(0)
        blank = True
        for j in range(start, i):
            key = key * _BASE + _U64(points[j]) + _U64(1)
            blank &= (flags[points[j]] & ch.SPACE) != 0
        length = i - start
        if not blank:
            count += 1
            ended += (flags[points[i - 1]] & ch.TERMINAL) != 0
            slot = _slot(keys, stamps, epoch, bits, key)
            if stamps[slot] == epoch:
                duplicate_characters += length
            else:
                stamps[slot], keys[slot] = epoch, key
        if length or start == 0 or i == n:
            # Runs of line ends part two lines; one at either end of the text leaves an empty line there.
            lines[parts] = key
            parts += 1
        start = i + 1
    epoch = other
    for i in range(parts):
        slot = _slot(keys, stamps, epoch, bits, lines[i])
        if stamps[slot] == epoch:
            duplicate_parts += 1
        else:
            stamps[slot], keys[slot] = epoch, lines[i]

    i = 0
    while i < n:
        end = i
        while end < n and not flags[points[end]] & ch.LINE_END:
            end += 1
        visible += 1
        first, last = i, end
        while first < last and flags[points[first]] & ch.SPACE:
            first += 1
        while last > first and flags[points[last - 1]] & ch.SPACE:
            last -= 1
        if first < last:
            bullets += points[first] == 0x2022 or points[first] == 45
            dotted = (
                last - first >= 3 and points[last - 1] == 46 and points[last - 2] == 46 and points[last - 3] == 46
            )
            ellipses += dotted or points[last - 1] == 0x2026
        i = end + 1
        if end + 1 < n and points[end] == 13 and points[end + 1] == 10:
            i = end + 2
    run = 0
    for i in range(n):
        point = points[i]
        hashes += point == 35
        dots += point == 0x2026
        run = run + 1 if point == 46 else 0
        if run == 3:
            dots += 1
            run = 0
    row[LINES] = count
    row[LINE_PUNCT] = ended / count if count else 0.0
    row[CHAR_DUP] = duplicate_characters / (n - newlines) if n > newlines else 0.0
    row[DUP_LINE_FRAC] = duplicate_parts / parts
    row[BULLET_LINES] = bullets / visible if visible else 0.0
    row[ELLIPSIS_LINES] = ellipses / visible if visible else 0.0
    # Divided by the words, when they are counted.
    row[HASH_RATIO], row[ELLIPSIS_RATIO], row[LIST_RATIO] = hashes, dots, newlines
    return epoch


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _top(
    grams: Any, count: int, n: int, sums: Any, keys: Any, stamps: Any, tallies: Any, firsts: Any, epoch: int
) -> Any:
    """Characters of the commonest n-gram, its blanks counted, times its number; the first of equals."""
    bits = _bits(count)
    best = best_first = 0
    for i in range(count):
        slot = _slot(keys, stamps, epoch, bits, grams[i])
        if stamps[slot] == epoch:
            tallies[slot] += 1
        else:
            stamps[slot], keys[slot], tallies[slot], firsts[slot] = epoch, grams[i], 1, i
        if tallies[slot] > best or (tallies[slot] == best and firsts[slot] < best_first):
            best, best_first = tallies[slot], firsts[slot]
    return best * (sums[best_first + n] - sums[best_first] + n - 1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _repeated(grams: Any, count: int, n: int, sums: Any, keys: Any, stamps: Any, epoch: int) -> Any:
    """Characters of n-grams that stood before; one that did is stepped over whole."""
    bits = _bits(count)
    characters = i = 0
    while i < count:
        slot = _slot(keys, stamps, epoch, bits, grams[i])
        if stamps[slot] == epoch:
            characters += sums[i + n] - sums[i]
            i += n
        else:
            stamps[slot], keys[slot] = epoch, grams[i]
            i += 1
    return characters


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _signature(shingles: Any, a: Any, b: Any, minima: Any, hashes: int, bands: Any) -> None:
    """MinHash: the least of each hash a x + b over all shingles; the minima of each band in one 64-bit key."""
    for k in range(minima.size):
        minima[k] = _U64(0xFFFFFFFFFFFFFFFF)
    for shingle in shingles:
        for k in range(minima.size):
            value = a[k] * shingle + b[k]
            minima[k] = min(minima[k], value)
    for band in range(bands.size):
        key = _U64(band + 1)
        for k in range(band * hashes, (band + 1) * hashes):
            key = mixed((key ^ minima[k]) * _GOLDEN)
        bands[band] = key


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _whole(points: Any, n: int, flags: Any, folded: Any, script: Any, row: Any) -> Any:
    """The hash of a text without regard to case and white space; counts the letters of the script on the way."""
    whole = _GOLDEN
    gap = False
    letters = in_script = 0
    for i in range(n):
        point = points[i]
        flag = flags[point]
        if flag & ch.SPACE:
            gap = True
            continue
        if gap and whole != _GOLDEN:
            whole = (whole ^ _U64(32)) * _MIX1
            whole ^= whole >> _U64(29)
        gap = False
        whole = (whole ^ _U64(folded[point])) * _MIX1
        whole ^= whole >> _U64(29)
        letter = (flag & ch.LETTER) != 0
        letters += letter
        in_script += letter and script[point]
    row[SCRIPT_SHARE] = in_script / letters if letters else 0.0
    return mixed(whole)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _hash_words(
    points: Any, starts: Any, ends: Any, count: int, flags: Any, base: Any, stops: Any, seen: Any, mark: int,
    hashes: Any, powers: Any, plain: Any, sums: Any, row: Any,
) -> Any:  # fmt: skip
    """Hashes of words for n-grams (`hashes`, B^length in `powers`, lengths added up in `sums`) and, without
    marks and diacritics, for shingles (`plain`); counts what Gopher counts by words. Returns the number of
    `plain`.
    """
    spoken = spoken_length = alphabetic = plain_count = 0
    sums[0] = 0
    table = stops.size - 1
    for k in range(count):
        key, plain_key, power = _U64(0), _U64(0), _U64(1)
        any_flag: Any = 0
        all_flags: Any = 0xFFFF
        kept_flags: Any = 0xFFFF
        for i in range(starts[k], ends[k]):
            point = points[i]
            flag: Any = np.int64(flags[point])
            key = key * _BASE + _U64(point) + _U64(1)
            power *= _BASE
            any_flag |= flag
            all_flags &= flag
            letter = base[point]
            if letter:
                plain_key = plain_key * _BASE + _U64(letter) + _U64(1)
                kept_flags &= flag
        length = ends[k] - starts[k]
        alphabetic += (any_flag & ch.ALPHA) != 0
        if not all_flags & ch.PUNCT:
            spoken += 1
            spoken_length += length
        if k < MOST_WORDS:
            hashes[k], powers[k] = key, power
            sums[k + 1] = sums[k] + length
            if plain_key:
                plain[plain_count] = _NUMBER if kept_flags & ch.DIGIT else mixed(plain_key)
                plain_count += 1
        slot = np.int64(key >> _U64(40)) & table
        while stops[slot]:
            if stops[slot] == key:
                seen[slot] = mark
                break
            slot = (slot + 1) & table
    stop_words = 0
    for k in range(seen.size):
        stop_words += seen[k] == mark
    row[WORDS] = count
    row[NON_SYMBOL_WORDS] = spoken
    row[STOP_WORDS] = stop_words
    row[AVG_WORD_LENGTH] = spoken_length / spoken if spoken else 0.0
    row[ALPHA_RATIO] = alphabetic / count if count else 0.0
    for column in (HASH_RATIO, ELLIPSIS_RATIO, LIST_RATIO):
        row[column] = row[column] / count if count else 0.0
    return plain_count


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _units(
    points: Any, starts: Any, ends: Any, count: int, lower: Any, by_character: bool, at: int,
    units: Any, unit_starts: Any, unit_ends: Any,
) -> Any:  # fmt: skip
    """Writes the units of a text from `at` on and returns where they end."""
    for k in range(count):
        unit = _U64(0)
        for i in range(starts[k], ends[k]):
            small = lower[points[i]]
            if small and by_character:
                units[at] = mixed(_U64(small))
                unit_starts[at], unit_ends[at] = i, i + 1
                at += 1
            elif small:
                unit = unit * _BASE + _U64(small) + _U64(1)
        if unit:
            units[at] = mixed(unit)
            unit_starts[at], unit_ends[at] = starts[k], ends[k]
            at += 1
    return at


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _n_grams(
    hashes: Any, powers: Any, sums: Any, count: int, length: int, grams: Any, keys: Any, stamps: Any, tallies: Any,
    firsts: Any, epoch: int, row: Any,
) -> Any:  # fmt: skip
    """Repeated n-grams: of 2 to 4 words with blanks between them, of 5 to 10 without. Returns the epoch."""
    for k in range(count):
        grams[k] = hashes[k]
    for size in range(2, min(4, count) + 1):
        now = count - size + 1
        for k in range(now):
            last = k + size - 1
            grams[k] = (grams[k] * _BASE + _U64(33)) * powers[last] + hashes[last]
        epoch += 1
        row[TOP_2 + size - 2] = _top(grams, now, size, sums, keys, stamps, tallies, firsts, epoch) / length
    for k in range(count):
        grams[k] = hashes[k]
    for size in range(2, min(10, count) + 1):
        now = count - size + 1
        for k in range(now):
            last = k + size - 1
            grams[k] = grams[k] * powers[last] + hashes[last]
        if size >= 5:
            epoch += 1
            row[DUP_5 + size - 5] = _repeated(grams, now, size, sums, keys, stamps, epoch) / length
    return epoch


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _shingles(plain: Any, count: int, whole: Any, shingles: Any) -> Any:
    """Writes the hash of every 5-gram and returns their number; a text of fewer words is one, its own hash."""
    if count < _SHINGLE:
        shingles[0] = whole
        return 1
    for k in range(count - _SHINGLE + 1):
        key = plain[k]
        for last in range(k + 1, k + _SHINGLE):
            key = key * _BASE + plain[last]
        shingles[k] = mixed(key)
    return count - _SHINGLE + 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def measure_batch(
    data: Any, offsets: Any, given: Any, given_offsets: Any, by_character: bool, stops: Any,
    word_break: Any, flags: Any, folded: Any, lower: Any, base: Any, script: Any, a: Any, b: Any, hashes: int,
) -> Any:  # fmt: skip
    """Measures texts that lie one after the other in `data`, UTF-8, parted by `offsets`.

    `given` are the ends of pieces that a dictionary found, `given_offsets` their parts by text (empty: UAX #29
    finds them here). `stops` is a hash table of the stop words' hashes, a power of 2 large, 0 where it is free;
    `script` says which code points are letters of the language's script; `a`, `b` are the hash functions of
    MinHash, `hashes` of them a band.

    Returns statistics (texts, COLUMNS), bands, exact hashes; shingles with their offsets; units with offsets,
    starts and ends (see `filters.statistics.Measured`).
    """
    texts = offsets.size - 1
    total = offsets[texts] - offsets[0]
    longest = newlines = 0
    for i in range(texts):
        longest = max(longest, offsets[i + 1] - offsets[i])
        ended = 2
        for j in range(offsets[i], offsets[i + 1]):
            ended += data[j] == 10
        newlines = max(newlines, ended)
    most = min(longest, MOST_WORDS)
    statistics = np.zeros((texts, COLUMNS))
    bands = np.zeros((texts, a.size // hashes), dtype=np.uint64)
    exact = np.zeros(texts, dtype=np.uint64)
    # As large as they could ever be: a page that is not written to takes no memory.
    shingles = np.empty(total + texts, dtype=np.uint64)
    shingle_offsets = np.zeros(texts + 1, dtype=np.int64)
    units = np.empty(total, dtype=np.uint64)
    unit_starts = np.empty(total, dtype=np.int32)
    unit_ends = np.empty(total, dtype=np.int32)
    unit_offsets = np.zeros(texts + 1, dtype=np.int64)
    points = np.empty(longest + 1, dtype=np.uint32)
    starts = np.empty(longest, dtype=np.int32)
    ends = np.empty(longest, dtype=np.int32)
    word_hashes = np.empty(most, dtype=np.uint64)
    word_powers = np.empty(most, dtype=np.uint64)
    grams = np.empty(most, dtype=np.uint64)
    plain = np.empty(most, dtype=np.uint64)
    sums = np.empty(most + 1, dtype=np.int64)
    lines = np.empty(newlines, dtype=np.uint64)
    size = 1 << _bits(max(most, newlines))
    keys = np.empty(size, dtype=np.uint64)
    stamps = np.zeros(size, dtype=np.int64)
    tallies = np.empty(size, dtype=np.int32)
    firsts = np.empty(size, dtype=np.int32)
    minima = np.empty(a.size, dtype=np.uint64)
    seen = np.zeros(stops.size, dtype=np.int64)
    epoch = 0
    for text in range(texts):
        row = statistics[text]
        n = _decode(data, offsets[text], offsets[text + 1], points)
        row[CHARACTERS] = n
        epoch = _lines(points, n, flags, lines, keys, stamps, epoch, row)
        exact[text] = _whole(points, n, flags, folded, script, row)
        pieces = given[given_offsets[text] : given_offsets[text + 1]]
        count = _words(points, n, word_break, flags, pieces, starts, ends)
        spoken = _hash_words(
            points,
            starts,
            ends,
            count,
            flags,
            base,
            stops,
            seen,
            text + 1,
            word_hashes,
            word_powers,
            plain,
            sums,
            row,
        )
        unit_offsets[text + 1] = _units(
            points, starts, ends, count, lower, by_character, unit_offsets[text], units, unit_starts, unit_ends
        )
        counted = min(count, MOST_WORDS)
        within = n if counted == count else np.int64(ends[counted - 1])
        epoch = _n_grams(
            word_hashes, word_powers, sums, counted, within, grams, keys, stamps, tallies, firsts, epoch, row
        )
        first = shingle_offsets[text]
        found = _shingles(plain, spoken, exact[text], shingles[first:])
        shingle_offsets[text + 1] = first + found
        _signature(shingles[first : first + found], a, b, minima, hashes, bands[text])
    used, met = shingle_offsets[texts], unit_offsets[texts]
    return (
        statistics, bands, exact, shingles[:used].copy(), shingle_offsets,
        units[:met].copy(), unit_offsets, unit_starts[:met].copy(), unit_ends[:met].copy(),
    )  # fmt: skip


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def stop_table(points: Any, offsets: Any) -> Any:
    """A hash table of words, given as code points one after the other and their offsets; see `measure_batch`."""
    table = np.zeros(1 << max(_bits(4 * offsets.size), 8), dtype=np.uint64)
    for word in range(offsets.size - 1):
        key = _U64(0)
        for i in range(offsets[word], offsets[word + 1]):
            key = key * _BASE + _U64(points[i]) + _U64(1)
        slot = np.int64(key >> _U64(40)) & (table.size - 1)
        while table[slot]:
            slot = (slot + 1) & (table.size - 1)
        table[slot] = key
    return table
