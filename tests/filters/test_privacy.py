import time

import pytest
from datatrove.data import Document
from datatrove.pipeline.formatters import PIIFormatter
from hypothesis import given
from hypothesis import strategies as st

from filters.privacy import ADDRESS, EMAIL, Privacy, redact_addresses, redact_emails


@pytest.mark.parametrize(
    ("text", "redacted", "emails", "ips"),
    [
        ("Γράψτε στο maria.p+web@mail.example.org, παρακαλώ.", f"Γράψτε στο {EMAIL}, παρακαλώ.", 1, 0),
        ("a@b.gr, <c-d@e.co.uk>; f@g", f"{EMAIL}, <{EMAIL}>; f@g", 2, 0),
        ("@home a @ b.gr x@y", "@home a @ b.gr x@y", 0, 0),
        ("ping 8.8.8.8 or 233.252.0.7.", f"ping {ADDRESS} or {ADDRESS}.", 0, 2),
        # Private, reserved, or no addresses at all.
        ("10.0.0.1 127.0.0.1 192.168.1.1 255.255.255.0 192.0.2.9", None, 0, 0),
        ("version 1.2.3, 300.1.1.1.1 on 01.02.03.04", None, 0, 0),
        # What an earlier redaction left.
        (f"{EMAIL} {ADDRESS}", None, 0, 0),
        ("", None, 0, 0),
    ],
)
def test_redaction(text: str, redacted: str | None, emails: int, ips: int) -> None:
    step = Privacy()
    (document,) = step.run([Document(text=text, id="one", metadata={"scores": {"language.score": 0.9}})])
    assert document.text == (text if redacted is None else redacted)
    assert document.metadata["scores"] == {
        "language.score": 0.9,
        "privacy.emails": emails,
        "privacy.ips": ips,
    }


PIECES = st.sampled_from([*"ab1é@@@..--_+/[] \n", "a@b.gr", "10.0.0.", "8.8.8.8", "@[1.2.3.4]", EMAIL])


@given(st.lists(PIECES, max_size=30).map("".join))
def test_it_finds_what_datatrove_finds(text: str) -> None:
    theirs = PIIFormatter(email_replacement=EMAIL, ip_replacement=ADDRESS)
    assert redact_emails(text)[0] == theirs.emails_replacer.replace(text)
    assert redact_addresses(text)[0] == theirs.ip_replacer.replace(text)


# datatrove's pattern takes 78 s for 80 KB of the first, and 16 s for as much of the fourth.
@pytest.mark.parametrize("piece", ["a-", "1.2.3.", "/x+Q=", "a.", "a@", "@-a", "[1."])
def test_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    start = time.monotonic()
    redact_emails(piece * 200_000 + "@")
    assert time.monotonic() - start < 5
