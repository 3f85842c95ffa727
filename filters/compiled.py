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

# What a hyphen or an apostrophe does between two parts of a word: it is a word of its own, or belongs to the part
# before it, to both, or to the part after it.
APART, BEFORE, WITHIN, AFTER = range(4)
# How far is looked for the rest of a word that has marks within.
_AHEAD: Final = 64


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


# UAX #29's word boundaries (revision 47) as a table: for the state left by what stands before a character, and the
# character's class, whether the two are joined, and the state after it. A state is the class of the last character
# that is not an extension of one before (WB4), or one of those below.
_AFTER_LETTER, _AFTER_NUMBER, _AFTER_HEBREW, _SECOND_REGIONAL = range(ch.DICTIONARY + 1, ch.DICTIONARY + 5)
_STATES: Final = ch.DICTIONARY + 5
_CLASSES: Final = ch.DICTIONARY + 1
# What the table says: the state in the lower five bits, above them whether to break or join, or what must follow.
_BREAK, _JOIN, _IF_LETTER, _IF_NUMBER, _IF_HEBREW, _PICTURE = range(6)


def _rules() -> npt.NDArray[np.uint8]:
    letters = (ch.ALETTER, ch.HEBREW)
    held = [[(_BREAK, kind) for kind in range(_CLASSES)] for _ in range(_STATES)]
    for state in range(_STATES):
        ends = state in (ch.CR, ch.LF, ch.NEWLINE)
        for kind in (ch.EXTEND, ch.FORMAT):  # WB4; nothing follows WSegSpace and Hangul but their like, directly
            raw = state in (ch.SEG_SPACE, ch.HANGUL)
            held[state][kind] = (_BREAK, ch.OTHER) if ends else (_JOIN, ch.OTHER if raw else state)
        held[state][ch.ZWJ] = (_PICTURE, ch.OTHER)  # WB3c
    held[ch.CR][ch.LF] = (_JOIN, ch.LF)  # WB3
    held[ch.SEG_SPACE][ch.SEG_SPACE] = (_JOIN, ch.SEG_SPACE)  # WB3d
    held[ch.HANGUL][ch.HANGUL] = (_JOIN, ch.HANGUL)
    for state in (*letters, ch.NUMERIC, ch.EXTEND_NUM_LET):  # WB5, 8, 9, 10, 13a, 13b
        for kind in (*letters, ch.NUMERIC, ch.EXTEND_NUM_LET):
            held[state][kind] = (_JOIN, kind)
    for state in letters:  # WB6, 7, 7a
        for kind in (ch.MID_LETTER, ch.MID_NUM_LET, ch.SINGLE_QUOTE):
            held[state][kind] = (_IF_LETTER, kind)
        held[_AFTER_LETTER][state] = (_JOIN, state)
    held[ch.HEBREW][ch.DOUBLE_QUOTE] = (_IF_HEBREW, ch.DOUBLE_QUOTE)  # WB7b, 7c
    held[_AFTER_HEBREW][ch.HEBREW] = (_JOIN, ch.HEBREW)
    for kind in (ch.MID_NUM, ch.MID_NUM_LET, ch.SINGLE_QUOTE):  # WB11, 12
        held[ch.NUMERIC][kind] = (_IF_NUMBER, kind)
    held[_AFTER_NUMBER][ch.NUMERIC] = (_JOIN, ch.NUMERIC)
    held[ch.REGIONAL][ch.REGIONAL] = (_JOIN, _SECOND_REGIONAL)  # WB15, 16
    return np.array([[verdict << 5 | state for verdict, state in row] for row in held], dtype=np.uint8).ravel()


_RULES: Final = _rules()


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _follows(points: Any, n: int, at: int, word_break: Any) -> Any:
    """The class of the first character after `at` that is not an extension of it (WB4)."""
    at += 1
    while at < n:
        kind = word_break[points[at]]
        if kind != ch.EXTEND and kind != ch.FORMAT and kind != ch.ZWJ:
            return np.int64(kind)
        at += 1
    return np.int64(ch.OTHER)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _looked_up(
    points: Any, n: int, at: int, rule: int, state: int, word_break: Any, flags: Any, apostrophe: int
) -> Any:
    """The state after the character at `at` where that depends on what follows it; -1 where it begins a piece.

    The state has 32 added to it where the next character belongs to the piece too.
    """
    verdict, kind = rule >> 5, rule & 31
    if verdict == _PICTURE:
        joined = state != ch.CR and state != ch.LF and state != ch.NEWLINE
        after: Any = ch.OTHER if state == ch.SEG_SPACE or state == ch.HANGUL or not joined else state
        if at + 1 < n and flags[points[at + 1]] & ch.PICTOGRAPHIC:
            after = 32 + np.int64(word_break[points[at + 1]])
        return after if joined else -1 - after
    follows = _follows(points, n, at, word_break)
    if verdict == _IF_LETTER:
        if follows == ch.ALETTER or follows == ch.HEBREW:
            if apostrophe != WITHIN and (points[at] == 0x27 or points[at] == 0x2019):
                return ch.OTHER if apostrophe == BEFORE else -1 - _AFTER_LETTER
            return _AFTER_LETTER
        if state == ch.HEBREW and kind == ch.SINGLE_QUOTE:
            return kind
    elif verdict == _IF_NUMBER and follows == ch.NUMERIC:
        return _AFTER_NUMBER
    elif verdict == _IF_HEBREW and follows == ch.HEBREW:
        return _AFTER_HEBREW
    return -1 - kind


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _bound(before: int, after: int, hyphen: int) -> Any:
    """What a hyphen does that stands between two such characters: a letter and a number are never parted."""
    if hyphen == APART and before & ch.ALPHA and not after & ch.ALPHA:
        return WITHIN
    return hyphen


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _inside(points: Any, n: int, end: int, flags: Any) -> Any:
    """Whether a letter or digit follows, before any white space and within _AHEAD characters."""
    for at in range(end, min(n, end + _AHEAD)):
        flag = flags[points[at]]
        if flag & ch.BLANK:
            return False
        if flag & ch.ALNUM:
            return True
    return False


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _belongs(
    points: Any, n: int, start: int, end: int, word: int, flags: Any, hyphen: int, apostrophe: int, marks: int
) -> Any:
    """Whether a piece belongs to the word before it, which begins at `word` and ends where the piece begins."""
    mark, last = points[start], points[start - 1]
    single = end - start == 1
    before = flags[last]
    after = flags[points[end]] if end < n else 0
    if single and mark == 46:
        # Dots go together, and with an abbreviation that has one within: U.S.
        if last == 46 or (start >= 3 and points[start - 2] == 46 and before & ch.ALPHA):
            return True
        if end < n and points[end] == 46:
            return False
    elif single and flags[mark] & ch.HYPHEN:
        if last == mark:
            return True
        # One that nothing follows was left there in a list of words: Ein- und Ausgang.
        if before & ch.ALNUM:
            return not (after & ch.ALNUM and _bound(before, after, hyphen) == APART)
    elif before & ch.HYPHEN and start - word >= 2 and flags[points[start - 2]] & flags[mark] & ch.ALNUM:
        return _bound(flags[points[start - 2]], flags[mark], hyphen) == WITHIN
    if marks != WITHIN or not flags[points[word]] & ch.ALNUM:
        return False
    if flags[mark] & ch.ALNUM:
        # What follows a mark that was taken into the word.
        apart = last == 46 or ((last == 0x27 or last == 0x2019) and apostrophe == BEFORE)
        return not before & ch.ALNUM and not before & ch.HYPHEN and not apart
    if flags[mark] & ch.BLANK or mark == 0x2026:
        return False
    if single and before & ch.ALNUM and after & ch.ALPHA:
        if mark == 58 or mark == 60 or mark == 62 or mark == 61 or mark == 47:  # : < > = /
            return False
        if mark == 44 and before & ch.ALPHA:
            return False
    return _inside(points, n, end, flags)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _keep(
    points: Any, n: int, start: int, end: int, flags: Any, hyphen: int, apostrophe: int, marks: int,
    starts: Any, ends: Any, count: int,
) -> Any:  # fmt: skip
    """Adds a piece to the words, or to the last of them, but for its white space; returns the number of words."""
    adjacent = count > 0 and ends[count - 1] == start
    if adjacent and _belongs(points, n, start, end, starts[count - 1], flags, hyphen, apostrophe, marks):
        ends[count - 1] = end
        return count
    while start < end and flags[points[start]] & ch.BLANK:
        start += 1
    while start < end and flags[points[end - 1]] & ch.BLANK:
        end -= 1
    if start == end:
        return count
    starts[count], ends[count] = start, end
    return count + 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _words(
    points: Any,
    n: int,
    word_break: Any,
    flags: Any,
    hyphen: int,
    apostrophe: int,
    marks: int,
    starts: Any,
    ends: Any,
) -> Any:
    """Writes start and end of each word and mark of a text, white space left out, and returns their number."""
    count = start = 0
    at = 0
    # As after a line end: whatever stands first begins a piece.
    state: Any = ch.LF
    while at < n:
        rule = np.int64(_RULES[state * _CLASSES + np.int64(word_break[points[at]])])
        verdict = rule >> 5
        if verdict == _JOIN:
            state = rule & 31
            at += 1
            continue
        here = at
        if verdict == _BREAK:
            state = rule & 31
            at += 1
        else:
            state = _looked_up(points, n, at, rule, state, word_break, flags, apostrophe)
            joined = state >= 0
            if not joined:
                state = -1 - state
            at += 1 + (state >> 5)
            state &= 31
            if joined:
                continue
        if here:
            # Nearly every piece is a word or a mark beside a blank, or one blank. The others are left to a call,
            # which counts references to every array that it is given, and so takes longer than a word.
            first = np.int64(flags[points[start]])
            joins: Any = start > 0 and not flags[points[start - 1]] & (ch.BLANK | ch.ALNUM)
            joins |= not first & ch.ALNUM and not np.int64(flags[points[here]]) & ch.BLANK
            joins |= first & ch.DOT > 0 and start > 1 and (points[start - 1] == 46 or points[start - 2] == 46)
            blank = (first | np.int64(flags[points[here - 1]])) & ch.BLANK
            if not (joins or blank or first & ch.HYPHEN):
                starts[count], ends[count] = start, here
                count += 1
            elif not (blank and here - start == 1):
                count = _keep(points, n, start, here, flags, hyphen, apostrophe, marks, starts, ends, count)
        start = here
    if n:
        count = _keep(points, n, start, n, flags, hyphen, apostrophe, marks, starts, ends, count)
    return count


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _given_words(
    points: Any, n: int, given: Any, flags: Any, hyphen: int, apostrophe: int, marks: int, starts: Any, ends: Any
) -> Any:
    """As `_words`, of the pieces that a dictionary has found; `given` are their ends."""
    count = start = 0
    for end in given:
        count = _keep(points, n, start, end, flags, hyphen, apostrophe, marks, starts, ends, count)
        start = end
    return count


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def words(points: Any, word_break: Any, flags: Any, hyphen: int, apostrophe: int, marks: int) -> Any:
    """Start and end of the words of a text of code points, of shape (2, words); for tests."""
    starts, ends = np.empty(points.size, dtype=np.int32), np.empty(points.size, dtype=np.int32)
    count = _words(points, points.size, word_break, flags, hyphen, apostrophe, marks, starts, ends)
    return np.stack((starts[:count], ends[:count]))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _bits(items: int) -> Any:
    """The size of a hash table for so many items, as a power of 2: at most half full."""
    bits = 4
    while (1 << bits) < 4 * items:
        bits += 1
    return bits


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _slot(keys: Any, bits: int, key: Any) -> Any:
    """The slot of `key`, which is not 0, or the free one that it belongs in; a free slot holds 0."""
    slot = np.int64((key * _GOLDEN) >> _U64(64 - bits))
    while keys[slot] and keys[slot] != key:
        slot = (slot + 1) & ((1 << bits) - 1)
    return slot


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _bullet(points: Any, start: int, end: int, flags: Any) -> Any:
    """Whether a line begins with a bullet or a hyphen, white space apart."""
    while start < end and flags[points[start]] & ch.SPACE:
        start += 1
    return start < end and (points[start] == 0x2022 or points[start] == 45)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _ellipsis(points: Any, start: int, end: int, flags: Any) -> Any:
    """Whether a line ends with an ellipsis, white space apart."""
    while start < end and flags[points[end - 1]] & ch.SPACE:
        end -= 1
    if end - start >= 3 and points[end - 1] == 46 and points[end - 2] == 46 and points[end - 3] == 46:
        return True
    return end > start and points[end - 1] == 0x2026


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _lines(points: Any, n: int, flags: Any, lines: Any, keys: Any, row: Any) -> None:
    """All that is counted by lines, for three ideas of a line: of FineWeb, Gopher's repetition, Gopher's quality.

    `lines` takes the hash of each line, and `keys` is room for a hash table.
    """
    # str.split("\n"): FineWeb's lines that are not blank.
    count = ended = newlines = duplicate_characters = 0
    # str.splitlines(): Gopher's quality.
    visible = bullets = ellipses = 0
    # "\n+": Gopher's repetition.
    parts = duplicate_parts = 0
    hashes = dots = run = 0
    begin = 0
    for i in range(n):
        flag = flags[points[i]]
        if not flag & (ch.LINE_END | ch.COUNTED):
            continue
        point = points[i]
        newlines += point == 10
        hashes += point == 35
        dots += point == 0x2026
        if point == 46:
            # Every third of a row of dots ends an ellipsis.
            run = run + 1 if i and points[i - 1] == 46 else 1
            dots += run % 3 == 0
        if flag & ch.LINE_END:
            if not (point == 10 and i and points[i - 1] == 13):
                visible += 1
                bullets += _bullet(points, begin, i, flags)
                ellipses += _ellipsis(points, begin, i, flags)
            begin = i + 1
    if begin < n:
        visible += 1
        bullets += _bullet(points, begin, n, flags)
        ellipses += _ellipsis(points, begin, n, flags)

    bits = _bits(newlines + 1)
    keys[: 1 << bits] = 0
    start = 0
    for i in range(n + 1):
        if i < n and points[i] != 10:
            continue
        key = _U64(1)
        for j in range(start, i):
            key = key * _BASE + _U64(points[j])
        key += _U64(key == 0)
        length = i - start
        solid = start
        while solid < i and flags[points[solid]] & ch.SPACE:
            solid += 1
        if solid < i:
            count += 1
            ended += (flags[points[i - 1]] & ch.TERMINAL) != 0
            slot = _slot(keys, bits, key)
            duplicate_characters += length * (keys[slot] == key)
            keys[slot] = key
        if length or start == 0 or i == n:
            # Runs of line ends part two lines; one at either end of the text leaves an empty line there.
            lines[parts] = key
            parts += 1
        start = i + 1
    keys[: 1 << bits] = 0
    for i in range(parts):
        slot = _slot(keys, bits, lines[i])
        duplicate_parts += keys[slot] == lines[i]
        keys[slot] = lines[i]
    row[LINES] = count
    row[LINE_PUNCT] = ended / count if count else 0.0
    row[CHAR_DUP] = duplicate_characters / (n - newlines) if n > newlines else 0.0
    row[DUP_LINE_FRAC] = duplicate_parts / parts
    row[BULLET_LINES] = bullets / visible if visible else 0.0
    row[ELLIPSIS_LINES] = ellipses / visible if visible else 0.0
    # Divided by the words, when they are counted.
    row[HASH_RATIO], row[ELLIPSIS_RATIO], row[LIST_RATIO] = hashes, dots, newlines


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _top(grams: Any, count: int, n: int, sums: Any, keys: Any, tallies: Any) -> Any:
    """Characters of the commonest n-gram, its blanks counted, times its number; the first of equals.

    A tally is the number of an n-gram in the upper 32 bits, and 2^31 less the place where it stands first below.
    """
    bits = _bits(count)
    keys[: 1 << bits] = 0
    best = 0
    for i in range(count):
        slot = _slot(keys, bits, grams[i])
        tally = (1 << 32) + tallies[slot] if keys[slot] else (1 << 32) + (1 << 31) - i
        keys[slot] = grams[i]
        tallies[slot] = tally
        best = max(best, tally)
    first = (1 << 31) - (best & 0xFFFFFFFF)
    return (best >> 32) * (sums[first + n] - sums[first] + n - 1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _repeated(grams: Any, count: int, n: int, sums: Any, keys: Any) -> Any:
    """Characters of n-grams that stood before; one that did is stepped over whole."""
    bits = _bits(count)
    keys[: 1 << bits] = 0
    characters = i = 0
    while i < count:
        slot = _slot(keys, bits, grams[i])
        if keys[slot]:
            characters += sums[i + n] - sums[i]
            i += n
        else:
            keys[slot] = grams[i]
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
def _whole(points: Any, n: int, flags: Any, folded: Any) -> Any:
    """The hash of a text without regard to case and white space."""
    whole = _GOLDEN
    gap = False
    for i in range(n):
        point = points[i]
        if flags[point] & ch.SPACE:
            gap = True
            continue
        if gap and whole != _GOLDEN:
            whole = (whole ^ _U64(32)) * _MIX1
            whole ^= whole >> _U64(29)
        gap = False
        whole = (whole ^ _U64(folded[point])) * _MIX1
        whole ^= whole >> _U64(29)
    return mixed(whole)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _share(points: Any, n: int, flags: Any, script: Any) -> Any:
    """The share of the letters of a text that are of a script."""
    letters = found = 0
    for i in range(n):
        letters += (flags[points[i]] & ch.LETTER) != 0
        found += script[points[i]]
    return found / letters if letters else 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _hash_words(
    points: Any, starts: Any, ends: Any, count: int, flags: Any, stops: Any, seen: Any, mark: int,
    hashes: Any, powers: Any, sums: Any, row: Any,
) -> None:  # fmt: skip
    """Hashes of words for n-grams, B^length in `powers`, lengths added up in `sums`; Gopher's counts of words."""
    spoken = spoken_length = alphabetic = 0
    sums[0] = 0
    table = stops.size - 1
    for k in range(count):
        key, power = _U64(0), _U64(1)
        any_flag: Any = 0
        all_flags: Any = ch.PUNCT
        for i in range(starts[k], ends[k]):
            flag = np.int64(flags[points[i]])
            key = key * _BASE + _U64(points[i]) + _U64(1)
            power *= _BASE
            any_flag |= flag
            all_flags &= flag
        length = np.int64(ends[k] - starts[k])
        alphabetic += (any_flag & ch.ALPHA) != 0
        spoken += all_flags == 0
        spoken_length += length * (all_flags == 0)
        if k < MOST_WORDS:
            hashes[k], powers[k] = key, power
            sums[k + 1] = sums[k] + length
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


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _plain_words(points: Any, starts: Any, ends: Any, count: int, flags: Any, base: Any, plain: Any) -> Any:
    """Hashes of words for shingles, without marks and diacritics, all numbers alike. Returns their number."""
    found = 0
    for k in range(min(count, MOST_WORDS)):
        key = _U64(0)
        kept: Any = ch.DIGIT
        for i in range(starts[k], ends[k]):
            letter = base[points[i]]
            if letter:
                key = key * _BASE + _U64(letter) + _U64(1)
                kept &= flags[points[i]]
        if key:
            plain[found] = _NUMBER if kept else mixed(key)
            found += 1
    return found


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _units(
    points: Any, starts: Any, ends: Any, count: int, lower: Any, by_character: bool, at: int,
    units: Any, unit_starts: Any, unit_ends: Any,
) -> Any:  # fmt: skip
    """Writes the units of a text from `at` on and returns where they end.

    A mark within a word parts units, so that they are the same for every rule of segmentation.
    """
    for k in range(count):
        unit = _U64(0)
        begin = starts[k]
        for i in range(starts[k], ends[k] + 1):
            small = lower[points[i]] if i < ends[k] else np.uint32(0)
            if small and by_character:
                units[at] = mixed(_U64(small))
                unit_starts[at], unit_ends[at] = i, i + 1
                at += 1
            elif small:
                if not unit:
                    begin = i
                unit = unit * _BASE + _U64(small) + _U64(1)
            elif unit:
                units[at] = mixed(unit)
                unit_starts[at], unit_ends[at] = begin, i
                at += 1
                unit = _U64(0)
    return at


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _n_grams(
    hashes: Any, powers: Any, sums: Any, count: int, length: int, grams: Any, keys: Any, tallies: Any, row: Any
) -> None:
    """Repeated n-grams of words: of 2 to 4 words with blanks between them, of 5 to 10 without."""
    for k in range(count):
        grams[k] = hashes[k]
    for size in range(2, min(4, count) + 1):
        now = count - size + 1
        for k in range(now):
            last = k + size - 1
            gram = (grams[k] * _BASE + _U64(33)) * powers[last] + hashes[last]
            grams[k] = gram + _U64(gram == 0)
        row[TOP_2 + size - 2] = _top(grams, now, size, sums, keys, tallies) / length
    for k in range(count):
        grams[k] = hashes[k]
    for size in range(2, min(10, count) + 1):
        now = count - size + 1
        for k in range(now):
            last = k + size - 1
            gram = grams[k] * powers[last] + hashes[last]
            grams[k] = gram + _U64(gram == 0)
        if size >= 5:
            row[DUP_5 + size - 5] = _repeated(grams, now, size, sums, keys) / length


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
    data: Any, offsets: Any, given: Any, given_offsets: Any, by_character: bool, hyphen: int, apostrophe: int,
    marks: int, stops: Any, word_break: Any, flags: Any, folded: Any, lower: Any, base: Any, script: Any, a: Any,
    b: Any, hashes: int, signed: bool,
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
    tallies = np.empty(size, dtype=np.int64)
    minima = np.empty(a.size, dtype=np.uint64)
    seen = np.zeros(stops.size, dtype=np.int64)
    for text in range(texts):
        row = statistics[text]
        n = _decode(data, offsets[text], offsets[text + 1], points)
        row[CHARACTERS] = n
        _lines(points, n, flags, lines, keys, row)
        row[SCRIPT_SHARE] = _share(points, n, flags, script)
        if given_offsets[text] < given_offsets[text + 1]:
            pieces = given[given_offsets[text] : given_offsets[text + 1]]
            count = _given_words(points, n, pieces, flags, hyphen, apostrophe, marks, starts, ends)
        else:
            count = _words(points, n, word_break, flags, hyphen, apostrophe, marks, starts, ends)
        _hash_words(points, starts, ends, count, flags, stops, seen, text + 1, word_hashes, word_powers, sums, row)
        counted = min(count, MOST_WORDS)
        within = n if counted == count else np.int64(ends[counted - 1])
        _n_grams(word_hashes, word_powers, sums, counted, within, grams, keys, tallies, row)
        if not signed:
            continue
        exact[text] = _whole(points, n, flags, folded)
        unit_offsets[text + 1] = _units(
            points, starts, ends, count, lower, by_character, unit_offsets[text], units, unit_starts, unit_ends
        )
        first = shingle_offsets[text]
        spoken = _plain_words(points, starts, ends, count, flags, base, plain)
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
