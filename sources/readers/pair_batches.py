"""Translation pairs as Arrow batches, fast, with every row that holds none named and counted.

`sources.readers.pairs` reads the same files as documents and stops at the first fault; here a fault is a row's own
and the file goes on. A fault of the whole file (missing, empty, cut short) is one line for its reader.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sources.errors import BabelmixError
from sources.pair_files import PairFile, PairFormat
from sources.pair_schema import PAIR, Malformed, PairBatch
from sources.readers.compiled_rows import gather, split_rows, unknown
from sources.readers.stream import open_file, open_stream

COLUMNS: Final = "columns"
ENCODING: Final = "encoding"
LONG_LINE: Final = "long_line"
EMPTY_LINE: Final = "empty_line"
SCORE: Final = "score"
SCORE_RANGE: Final = "score_range"
LID_RANGE: Final = "lid_range"
MISSING_SIDE: Final = "missing_side"
# What may be wrong with a row.
FAULTS: Final = (COLUMNS, ENCODING, LONG_LINE, EMPTY_LINE, SCORE, SCORE_RANGE, LID_RANGE, MISSING_SIDE)

ROWS: Final = 8192
# A pair has a few hundred bytes. What is longer than this is no line of pairs.
MAX_LINE_BYTES: Final = 1 << 20
_BLOCK: Final = 4 << 20
# A ratio of cosines to their neighbourhood: negative, or more than this, is no margin. Small corpora had 2.
_MOST_MARGIN: Final = 10.0
# fastText's probabilities go a little above 1 by rounding.
_MOST_LID: Final = 1.001
# Rows of the head that say which side is English, and how much oftener its commonest words must stand there.
_HEAD: Final = 2000
_CLEARLY: Final = 4
_FUNCTION_WORDS: Final = r"(?i)\b(the|and|of|is|was|are|with|that|this|have|from|which)\b"
# Columns by format: English's or the other's sentence first and second, margin, what was identified, URLs.
_PLACES: Final = {"nllb-tsv": (0, 1, 2, 3, 4, 6, 8), "ccmatrix-tsv": (1, 2, 0)}
_WIDTH: Final = {"nllb-tsv": 9, "ccmatrix-tsv": 3}


def read_pair_batches(file: PairFile, rows: int = ROWS) -> Iterator[PairBatch]:
    """The rows of a file in their order, at most `rows` a batch.

    Raises:
        BabelmixError: as `sources.readers.stream.open_stream`; the file has no row, or neither its name nor its
            words say which side is English.
    """
    form = file.format or _told_by_bytes(file)
    if form == "pairs-parquet":
        yield from _parquet(file, rows)
        return
    read = 0
    with open_stream(file.url, file.compression, file.gate) as stream:
        rest = stream.read(_BLOCK).removeprefix(b"\xef\xbb\xbf")
        width = _WIDTH[form] if file.format or not rest else _width(rest, file)
        form = "ccmatrix-tsv" if width == 3 else "nllb-tsv"
        english_first: bool | None = None
        skipping = False
        while rest:
            more = stream.read(_BLOCK)
            if not more and not rest.endswith(b"\n"):
                rest += b"\n"
            data = np.frombuffer(rest, dtype=np.uint8)
            used = 0
            while True:
                starts, ends, cells, bounds = split_rows(data[used:], width, rows)
                if not len(cells):
                    break
                lines = _Lines(data[used:], starts, ends, cells, bounds, read, skipping)
                skipping = False
                if english_first is None:
                    english_first = _english_first(file, lines, form)
                yield _batch(lines, file, form, english_first)
                read += len(cells)
                used += int(bounds[-1])
            rest = rest[used:]
            if len(rest) > MAX_LINE_BYTES:
                # The line is counted where it ends.
                rest, skipping = rest[:1], True
            rest += more
    if not read:
        raise BabelmixError(f"{file.url}: no row in it; fetch it again, or leave it out")


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of a block, split; `before` lines came earlier, and the beginning of the first is lost if `cut`."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int64]
    before: int
    cut: bool

    def line(self, at: int) -> bytes:
        return self.data[self.bounds[at] : self.bounds[at + 1]].tobytes().rstrip(b"\r\n")

    def column(self, number: int, kept: npt.NDArray[np.int64]) -> pa.Array:
        """A column's cells as strings, not checked to be UTF-8."""
        values, offsets = gather(self.data, self.starts[kept, number], self.ends[kept, number])
        return pa.StringArray.from_buffers(len(kept), pa.py_buffer(offsets), pa.py_buffer(values))

    def unknown(self, number: int, kept: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = unknown(self.data, self.starts[kept, number], self.ends[kept, number])
        return found


def _batch(lines: _Lines, file: PairFile, form: PairFormat, english_first: bool) -> PairBatch:
    places = _PLACES[form]
    width = _WIDTH[form]
    found: dict[int, Malformed] = {}

    def fault(at: int, what: str, detail: str) -> None:
        found.setdefault(at, Malformed(lines.before + at + 1, what, detail))

    long = np.diff(lines.bounds) > MAX_LINE_BYTES
    if lines.cut:
        long[0] = True
    for at in np.flatnonzero(long):
        fault(int(at), LONG_LINE, f"a line of more than {MAX_LINE_BYTES:,} bytes")
    for at in np.flatnonzero((lines.cells != width) & ~long):
        line = lines.line(int(at))
        if not line.strip():
            fault(int(at), EMPTY_LINE, "nothing but white space")
        else:
            why = "; a tab within a text?" if lines.cells[at] > width else ""
            fault(int(at), COLUMNS, f"{lines.cells[at]} columns instead of {width}{why}: {_shown(line)}")
    kept = np.flatnonzero((lines.cells == width) & ~long)
    kept = _in_utf8(lines, kept, fault)
    margin, bad = _numbers(lines, places[2], kept)
    for at in np.flatnonzero(bad):
        fault(int(kept[at]), SCORE, f"{_shown(lines.column(places[2], kept[at : at + 1])[0].as_py())} is no score")
    beyond = ~bad & ~np.isnan(margin) & ~((margin >= 0) & (margin <= _MOST_MARGIN))
    beyond |= ~bad & np.isnan(margin) & ~lines.unknown(places[2], kept)
    for at in np.flatnonzero(beyond):
        fault(int(kept[at]), SCORE_RANGE, f"a score of {margin[at]}, should be 0 to {_MOST_MARGIN:g}")
    good = ~(bad | beyond)
    scores = []
    for place in places[3:5]:
        # What is no number there is a language's label, which says nothing about how sure it is.
        score, _ = _numbers(lines, place, kept)
        wrong = (score < 0) | (score > _MOST_LID)
        for at in np.flatnonzero(wrong & good):
            fault(int(kept[at]), LID_RANGE, f"a probability of {score[at]}, should be 0 to 1")
        good &= ~wrong
        scores.append(score)
    kept, margin, scores = kept[good], margin[good], [score[good] for score in scores]
    columns = [
        *(lines.column(place, kept) for place in places[:2]),
        *(_optional(score) for score in scores),
        *(_known(lines, place, kept) for place in places[5:]),
    ]
    pairs = _pairs(lines.before + kept + 1, columns, margin, file, english_first)
    return PairBatch(pairs, tuple(found[at] for at in sorted(found)))


def _pairs(
    rows: npt.NDArray[np.int64],
    columns: list[pa.Array],
    margin: npt.NDArray[np.float64],
    file: PairFile,
    first: bool,
) -> pa.RecordBatch:
    """A PAIR batch of two columns of sentences, and of identification and URLs where the format has them."""
    count = len(rows)
    two = [columns[at : at + 2] if first else columns[at : at + 2][::-1] for at in range(0, len(columns), 2)]
    texts, lid, urls = [*two, *([[pa.nulls(count)] * 2] * (3 - len(two)))]
    ids = pc.binary_join_element_wise(f"{file.source}:{file.name}", pc.cast(pa.array(rows), pa.string()), ":")
    values = [
        ids,
        pa.repeat(pa.scalar(file.language), count),
        *texts,
        _optional(margin),
        *(each.cast(pa.float64()) for each in lid),
        *(each.cast(pa.string()) for each in urls),
        pa.repeat(pa.scalar(file.source), count),
    ]
    return pa.RecordBatch.from_arrays(values, schema=PAIR)


def _in_utf8(lines: _Lines, kept: npt.NDArray[np.int64], fault: Any) -> npt.NDArray[np.int64]:
    """The lines that are UTF-8; the others are a fault each."""
    block = lines.data[lines.bounds[0] : lines.bounds[-1]].tobytes()
    try:
        block.decode("utf-8")
        return kept
    except UnicodeDecodeError:
        pass
    good = np.ones(len(kept), dtype=np.bool_)
    for number, at in enumerate(kept):
        try:
            lines.line(int(at)).decode("utf-8")
        except UnicodeDecodeError as error:
            good[number] = False
            fault(int(at), ENCODING, f"not UTF-8 at byte {error.start + 1:,}: {_shown(lines.line(int(at)))}")
    return kept[good]


def _numbers(
    lines: _Lines, place: int, kept: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """A column as numbers, NaN where there is none, and whether something else stands there."""
    blank = lines.unknown(place, kept)
    cells = lines.column(place, kept)
    cells = pc.if_else(pa.array(blank), pa.scalar(None, pa.string()), cells)
    try:
        found = pc.cast(cells, pa.float64())
        return found.to_numpy(zero_copy_only=False), np.zeros(len(kept), dtype=np.bool_)
    except pa.ArrowInvalid:
        values = np.full(len(kept), math.nan)
        bad = np.zeros(len(kept), dtype=np.bool_)
        for at, cell in enumerate(cells.to_pylist()):
            try:
                values[at] = math.nan if cell is None else float(cell)
            except ValueError:
                bad[at] = True
        return values, bad


def _known(lines: _Lines, place: int, kept: npt.NDArray[np.int64]) -> pa.Array:
    nothing = pa.scalar(None, pa.string())
    return pc.if_else(pa.array(lines.unknown(place, kept)), nothing, lines.column(place, kept))


def _optional(values: npt.NDArray[np.float64]) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)


def _shown(value: bytes | str) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _told_by_bytes(file: PairFile) -> PairFormat:
    with open_file(file.url, file.gate) as opened:
        return "pairs-parquet" if opened.read(4) == b"PAR1" else "nllb-tsv"


def _width(head: bytes, file: PairFile) -> int:
    """The number of columns that most rows of the head have, of those that a format has."""
    counts = [line.count(b"\t") + 1 for line in head.split(b"\n", _HEAD)[:_HEAD] if line.strip()]
    width = max(_WIDTH.values(), key=counts.count)
    if width not in counts:
        shown = max(set(counts), key=counts.count) if counts else 0
        raise BabelmixError(
            f"{file.url}: rows have {shown} columns; NLLB's have 9 (sentences first), CCMatrix's 3 (score first),"
            " separated by tabs"
        )
    return width


def _english_first(file: PairFile, lines: _Lines, form: PairFormat) -> bool:
    if file.english:
        return file.english == "first"
    labels = file.name.rsplit("/", 1)[-1].split(".")[0].split("-")
    named = [label in ("eng_Latn", "en", "eng") for label in labels]
    if named in ([True, False], [False, True]):
        return named[0]
    kept = np.flatnonzero(lines.cells == _WIDTH[form])[:_HEAD]
    return _by_words([lines.column(place, kept) for place in _PLACES[form][:2]], file)


def _by_words(sides: list[pa.Array], file: PairFile) -> bool:
    """Whether the first of two columns is English, by the words that no English text does without."""
    counts = []
    for side in sides:
        text = b" ".join(side.cast(pa.binary()).to_pylist()).decode("utf-8", "replace")
        counts.append(pc.count_substring_regex(pa.array([text]), _FUNCTION_WORDS)[0].as_py())
    if max(counts) < _CLEARLY * max(1, min(counts)):
        raise BabelmixError(
            f"{file.url}: neither its name nor its words say which side is English; name it after both labels,"
            f" as in eng_Latn-{file.language}.gz"
        )
    return bool(counts[0] > counts[1])


def _not_utf8(columns: list[pa.Array]) -> npt.NDArray[np.bool_]:
    """Whether a row has a string that is not UTF-8: Parquet's are not checked when they are written."""
    broken = np.zeros(len(columns[0]), dtype=np.bool_)
    for column in columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            for at, value in enumerate(column.cast(pa.binary()).to_pylist()):
                try:
                    (value or b"").decode("utf-8")
                except UnicodeDecodeError:
                    broken[at] = True
    return broken


def _parquet(file: PairFile, rows: int) -> Iterator[PairBatch]:
    """A Parquet file with a column `translation`, a struct of one string a language, as OPUS-100 has it."""
    read = 0
    with open_file(file.url, file.gate) as opened:
        parquet = pq.ParquetFile(opened, pre_buffer=False)
        field = parquet.schema_arrow.field("translation") if "translation" in parquet.schema_arrow.names else None
        names = [each.name for each in field.type] if field is not None and pa.types.is_struct(field.type) else []
        others = [name for name in names if name not in ("en", "eng_Latn")]
        if len(names) != 2 or len(others) != 1:
            raise BabelmixError(
                f"{file.url}: no column `translation` with English (en) and one other language;"
                f" there are {', '.join(parquet.schema_arrow.names)}"
            )
        english = next(name for name in names if name not in others)
        for batch in parquet.iter_batches(rows, columns=["translation"]):
            sides = [pc.struct_field(batch.column(0), name).cast(pa.string()) for name in (english, others[0])]
            kept = pc.and_(sides[0].is_valid(), sides[1].is_valid()).to_numpy(zero_copy_only=False)
            missing = [
                Malformed(read + int(at) + 1, MISSING_SIDE, f"{english} or {others[0]} is null")
                for at in np.flatnonzero(~kept)
            ]
            broken = _not_utf8(sides)
            missing += [
                Malformed(read + at + 1, ENCODING, "not UTF-8") for at in np.flatnonzero(broken & kept).tolist()
            ]
            kept &= ~broken
            texts = [side.filter(pa.array(kept)) for side in sides]
            nothing = np.full(int(kept.sum()), math.nan)
            pairs = _pairs(read + np.flatnonzero(kept) + 1, texts, nothing, file, True)
            yield PairBatch(pairs, tuple(sorted(missing, key=lambda each: each.row)))
            read += batch.num_rows
    if not read:
        raise BabelmixError(f"{file.url}: no row in it; fetch it again, or leave it out")
