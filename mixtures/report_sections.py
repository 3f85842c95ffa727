"""The sections of a mixture's report that speak of its tokens: buckets, lengths, words, licences and samples."""

from typing import Final

import numpy as np

from mixtures.report_charts import epoch_bar, length_figure, reach_of, share_bar
from mixtures.report_facts import LOOKED_AT, BucketFacts, MixtureFacts
from mixtures.token_count import format_tokens
from sources.language import languages
from sources.shown_text import shown

_NAME: Final = 120
_EXCERPT: Final = 700


def bucket_section(facts: MixtureFacts) -> str:
    """How often each bucket's documents are read."""
    most = facts.plan.max_epochs
    ordered = sorted(facts.buckets, key=lambda bucket: (-bucket.epochs, bucket.category, bucket.language))
    widest = max(most, 1.0, *(bucket.epochs for bucket in ordered))
    lines = "".join(
        f"<tr><th class='name' scope='row'>{_bucket_name(each)}"
        f"<td class='wide'>{epoch_bar(each.epochs, most, widest)}"
        f"<td{_much(each, most)}>{each.epochs:.2f}<td>{each.read:,}<td>{each.documents:,}<td>{each.tokens:,}"
        f"<td class='name'>{shown(each.source, _NAME)}</tr>"
        for each in ordered
    )
    return (
        "<section><h2>Epochs</h2><p class='note'>How often a bucket's documents are read on average; the line"
        f" stands at once, the end of the scale at {widest:g}.</p>"
        "<div class='scroll tall'><table><thead><tr><th class='name'>bucket<th class='wide name'>epochs<th>"
        "<th>read<th>documents<th>tokens<th class='name'>source</tr></thead>"
        f"<tbody>{lines}</tbody></table></div></section>"
    )


def length_section(facts: MixtureFacts) -> str:
    """How many tokens documents have, all together and by category."""
    by_category: dict[str, list[BucketFacts]] = {}
    for bucket in facts.buckets:
        by_category.setdefault(bucket.category, []).append(bucket)
    counts = {name: np.sum([each.lengths for each in group], axis=0) for name, group in by_category.items()}
    reach = reach_of(list(counts.values()))
    whole = np.sum(list(counts.values()), axis=0)
    figures = "".join(length_figure(shown(name, _NAME), each, reach, False) for name, each in counts.items())
    return (
        "<section><h2>Lengths of documents</h2><p class='legend'><span><i class='planned'></i>documents</span>"
        "<span><i class='second'></i>the tokens that they hold</span></p>"
        f"{length_figure('all', whole, reach, True)}<div class='grid'>{figures}</div></section>"
    )


def words_section(facts: MixtureFacts) -> str:
    """How many tokens a word comes to in each language."""
    known = languages()
    rates = []
    for code in facts.languages:
        own = [bucket for bucket in facts.buckets if bucket.language == code]
        words, tokens = sum(bucket.words for bucket in own), sum(bucket.word_tokens for bucket in own)
        if words:
            rates.append((tokens / words, code, words))
    if not rates:
        return ""
    widest = max(rate for rate, _, _ in rates)
    lines = "".join(
        f"<tr><th class='name' scope='row'>{shown(code, _NAME)}"
        f"<td class='wide'>{share_bar(rate, 1.0, widest)}<td>{rate:.2f}<td>{words:,}"
        f"<td class='name'>{shown(known[code].name if code in known else '', _NAME)}</tr>"
        for rate, code, words in sorted(rates)
    )
    return (
        "<section><h2>Tokens a word</h2><p class='note'>Of the beginnings of up to"
        f" {LOOKED_AT} documents a bucket, words as the language's own rules part them; the line stands at"
        " one.</p><div class='scroll tall'><table><thead><tr><th class='name'>language"
        "<th class='wide name'>tokens a word<th><th>words<th class='name'>name"
        f"</tr></thead><tbody>{lines}</tbody></table></div></section>"
    )


def licence_section(facts: MixtureFacts) -> str:
    """Under which terms each source stands."""
    lines = "".join(
        f"<tr><th class='name' scope='row'>{shown(each.source, _NAME)}<td class='name'>{shown(each.licence, 300)}"
        f"<td>{'gated' if each.gated else ''}<td>{format_tokens(each.tokens)}"
        f"<td class='name'>{shown(each.card, 200)}</tr>"
        for each in facts.licences
    )
    return (
        "<section><h2>Licences</h2><div class='scroll'><table><thead><tr><th class='name'>source"
        "<th class='name'>licence<th><th>tokens<th class='name'>card</tr></thead>"
        f"<tbody>{lines}</tbody></table></div></section>"
    )


def sample_section(facts: MixtureFacts) -> str:
    """The beginnings of some documents of each bucket, as they are decoded from their tokens."""
    parts = []
    for bucket in facts.buckets:
        texts = "".join(
            f"<article><p>document {sample.document:,}, {sample.tokens:,} tokens</p>"
            f"<pre dir='auto' translate='no'>{shown(sample.text, _EXCERPT)}</pre></article>"
            for sample in bucket.samples
        )
        size = f"{format_tokens(bucket.tokens)} tokens, {shown(bucket.source, _NAME)}"
        parts.append(
            f"<details><summary><b>{_bucket_name(bucket)}</b> <small>{size}</small></summary>"
            f"<div>{texts}</div></details>"
        )
    return f"<section><h2>Samples</h2>{''.join(parts)}</section>"


def _bucket_name(bucket: BucketFacts) -> str:
    return f"{shown(bucket.category, _NAME)} {shown(bucket.language, _NAME)}"


def _much(bucket: BucketFacts, most: float) -> str:
    return " class='much'" if bucket.epochs > most * 1.001 else ""
