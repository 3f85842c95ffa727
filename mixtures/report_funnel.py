"""The funnel in a mixture's report: documents that came in, those that a filter dropped, those that were kept."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from mixtures.report_charts import stacked_bar
from sources.shown_text import shown

_DROPPED: Final = "dropped: "
_HUES: Final = 7
_NAME: Final = 120


def funnel_section(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The section, from a row a language and source: `language`, `source`, `in`, `dropped: …` and `kept`."""
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    names = [name for name in columns if name.startswith(_DROPPED) and any(row[name] for row in found)]
    if not found:
        return ""
    total: dict[str, Any] = {name: sum(row[name] for row in found) for name in ("in", *names, "kept")}
    lines = [_row("all", "", total, names, "total")]
    lines += [_row(shown(str(row["language"]), _NAME), str(row["source"]), row, names, "") for row in found]
    legend = "".join(
        f"<span><i class='{_hue(names, name)}'></i>{shown(name.removeprefix(_DROPPED), _NAME)}</span>"
        for name in ("kept", *names)
    )
    head = "".join(f"<th>{shown(name.removeprefix(_DROPPED), _NAME)}" for name in names)
    return (
        f"<section><h2>Funnel</h2><p class='legend'>{legend}</p><div class='scroll tall'><table><thead><tr>"
        f"<th class='name'>language<th class='wide name'>documents<th>in{head}<th>kept<th class='name'>source</tr>"
        f"</thead><tbody>{''.join(lines)}</tbody></table></div></section>"
    )


def _row(name: str, source: str, row: dict[str, Any], names: Sequence[str], kind: str) -> str:
    parts = [(_hue(names, each), int(row[each])) for each in ("kept", *names)]
    cells = "".join(f"<td>{row[each]:,}" if row[each] else "<td class='none'>·" for each in names)
    return (
        f"<tr class='{kind}'><th class='name' scope='row'>{name}<td class='wide'>"
        f"{stacked_bar(parts, int(row['in']))}<td>{row['in']:,}{cells}<td>{row['kept']:,}"
        f"<td class='name'>{shown(source, _NAME)}</tr>"
    )


def _hue(names: Sequence[str], name: str) -> str:
    return "kept" if name == "kept" else f"d{names.index(name) % _HUES}"
