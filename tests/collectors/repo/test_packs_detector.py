"""What the scanner is known to look at, and that leaving out the rest changes nothing."""

from __future__ import annotations

import pickle
import random
from re import _parser

import pytest

from nhiscan.collectors.repo._pack_detector import DetectorOf, ScannerDetector, _breaks, detector_of, width
from nhiscan.collectors.repo._pack_places import EVERYTHING, PARAGRAPH, ordered
from nhiscan.collectors.repo._packs import scan_packs
from nhiscan.detect.scan import shipped
from tests.collectors.repo.packing import Pack, held
from tests.collectors.repo.past import token

NAMES = [
    b"token", b"password", b"db_password", b"apiKey", b"datadog_api_key", b"AWS_SECRET_ACCESS_KEY", b"Authorization", b"x",
    b"PrivateKey", b"api_secret_key", b"auth_token", b"signing_secret",
]  # fmt: skip
AROUND = [
    b"[Interface]\n",
    b"twitter\n",
    b"slack\n",
    b"AC" + b"0a1b2c3d" * 4 + b"\n",
    b"\n",
    b"{\n",
    b'"kty": "RSA",\n',
]
SIGNS = [b" = ", b"=", b": ", b'": "', b"(", b" := ", b"\n  ", b" => '"]


@pytest.fixture(scope="module")
def detector():
    return detector_of(shipped())


@pytest.mark.parametrize(
    ("expression", "bytes_"),
    [
        (rb"ghp_[0-9A-Za-z]{12}", 16),
        (rb"(?i:key|secret)[\x00-\xff]{0,80}[^a-z][0-9a-f]{8}", 95),
        (rb"\bab?c+?\b", 202),
        (rb"(?:a|bc)(?:(?i:def)|g)?", 5),
        (rb"x{3}y*", 203),
    ],
)
def test_a_match_has_at_most_so_many_bytes(expression, bytes_):
    assert width(expression) == bytes_


@pytest.mark.parametrize(
    ("pattern", "breaks"),
    [
        (r"ghp_[0-9A-Za-z]{36}\b(?![\w-])", False),
        (r"a.b", False),
        (r"a[^\n]b", False),
        (r"a[^\s\"]b", False),
        (r"a\Sb", False),
        (r"a(?:b|[^c])", True),
        (r"a\s{0,3}b", True),
        (r"(?>a\W)b", True),
        (r"a(?=\nb)", True),
        (r"[\x00-\x20]", True),
        (r"(?P<x>a)(?P=x)\n", True),
    ],
)
def test_whether_a_pattern_stays_on_its_line_is_told(pattern, breaks):
    assert _breaks(_parser.parse(pattern)) is breaks


def test_every_expression_has_a_reach_and_the_margins_are_small(detector):
    expressions = detector.scanner.parts.expressions
    assert len(detector.reach.of) == len(expressions)
    assert all(
        width(e.text) - e.length < detector.reach.before and e.length < detector.reach.after for e in expressions
    )
    assert detector.reach.margin < 400
    assert min(detector.reach.of) > 200
    assert (detector.reach.of[-1], detector.reach.stop[-1]) == (EVERYTHING, PARAGRAPH)


def test_workers_make_their_own(tmp_path):
    made = pickle.loads(pickle.dumps(DetectorOf(tmp_path)))()
    assert made.scanner is shipped()
    text = f"token = {token('a')}".encode()
    hits, whole = made.every(text, ordered(made.places(text)))
    assert hits
    assert whole
    assert set(hits) <= set(made.places(text))
    assert made.every(text, []) == ([], True)
    assert made.every(b"nothing", made.places(b"nothing")) == ([], True)


class Counted:
    """A scanner that counts what it is asked."""

    def __init__(self, scanner):
        self.scanner, self.asked = scanner, 0

    def places(self, data):
        return self.scanner.places(data)

    def first(self, data, places):
        self.asked += 1
        return self.scanner.first(data, places)


def dull(number):
    """Lines at which the scanner looks twice and finds nothing, in strings over several lines too."""
    return (
        b"x\n" * 400
        + b'%d\n\nab = "aaaaaaaaaaaa"\n     "bbbbbbbbbbbb"\n\n' % number
        + b'token = "aaaaaaaa%d"\n' % number
    )


def test_what_was_empty_is_not_asked_again_where_its_surroundings_are_the_same(detector):
    counted = Counted(detector.scanner)
    again = ScannerDetector(counted, detector.reach)
    assert len(again.places(dull(1))) > 1
    for text in (dull(1), b"before\n" + dull(1), dull(1) + b"\n" * 400):
        assert again.every(text, ordered(again.places(text))) == ([], True)
    asked = counted.asked
    text = b"other\n" + dull(1)
    assert again.every(text, ordered(again.places(text))) == ([], True)
    assert 0 < asked == counted.asked
    assert again.every(dull(2), ordered(again.places(dull(2)))) == ([], True)
    assert counted.asked > asked


def test_no_more_is_remembered_than_is_allowed(detector, monkeypatch):
    monkeypatch.setattr("nhiscan.collectors.repo._pack_detector._MOST", 5)
    small = ScannerDetector(detector.scanner, detector.reach)
    for number in range(40):
        small.every(dull(number), ordered(small.places(dull(number))))
    assert 0 < len(small.empty) <= 5


def value(chance):
    """Something that one layer or another may take for a credential."""
    from base64 import b64encode

    some = token(str(chance.randrange(50))).encode()
    body = bytes(chance.choice(b"ABCDEFGHabcdefghij0123456789+/") for _ in range(chance.choice([20, 32, 40, 64])))
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n%s\n-----END RSA PRIVATE KEY-----" % b"\n".join([body] * 12)
    address = b"postgres://app:%s@db.internal/x" % body[:20]
    return chance.choice(
        [
            some,
            some[:-1],
            b"aaaa" * 8,
            b"0011" * 8,
            body[:20] + b"=",
            b64encode(b"password=" + some),
            body,
            body.hex().encode(),
            pem,
            address,
        ]
    )


def line(chance, plain=0.99):
    if chance.random() < plain:
        return b"word %d here\n" % chance.randrange(10**6)
    if chance.random() < 0.3:
        return chance.choice(AROUND)
    end = chance.choice([b"\n", b"'\n", b'",\n', b"\n\n"])
    return b"  " + chance.choice(NAMES) + chance.choice(SIGNS) + value(chance) + end


def versions(seed, number):
    """One file through its history: lines come, go and change, and bytes within them."""
    chance, pack = random.Random(seed), Pack()
    data = b"".join(line(chance) for _ in range(120))
    last = pack.add(data)
    for _ in range(number):
        place = chance.randrange(len(data) + 1)
        stop = min(len(data), place + chance.choice([0, 1, 3, 40, 200, 600]))
        new = chance.choice([b"", b"x", b"\n", b'"', line(chance, 0.5), b"# "])
        if len(data) < 2_000:
            new += b"".join(line(chance) for _ in range(60))
        steps = [(0, place), new, (stop, len(data) - stop)]
        last = pack.change(last, [s for s in steps if s and s[-1]])
        data = pack.objects[last][1]
    return pack


@pytest.mark.parametrize("seed", range(6))
def test_the_shipped_scanner_finds_the_same_in_deltas_and_in_whole_files(seed, detector, tmp_path):
    pack = versions(seed, 150)
    (read,) = scan_packs([pack.write(tmp_path)], lambda: detector)
    wanted = held(detector, pack.objects)
    assert 0 < len(wanted) < len(pack.objects)
    assert set(read.held) == wanted
    assert read.scanned < read.inflated / 2


PIECES = [b"ab", b"fmt", b"github.com/a/b", b"aB3xK9mQ2z", b"net/http", b"c0ffee99", b"strings", b"x" * 90]
JOINTS = [
    b'"\n\t"',
    b'"\n\n"',
    b'" +\n  "',
    b"'\n'",
    b'"\r\n    "',
    b'",\n"',
    b'" . "',
    b"` +\n`",
    b'"\n' + b" " * 120 + b'"',
]


@pytest.mark.parametrize("seed", range(4))
def test_strings_that_only_follow_each_other_are_no_places(seed, detector):
    """What is left out leads to no layer, and what is left out is the same where more or less stands around."""
    chance = random.Random(seed)
    dropped = 0
    for _ in range(60):
        data = b'"' + b"".join(chance.choice(PIECES) + chance.choice(JOINTS) for _ in range(chance.randrange(1, 30)))
        every, some = set(detector.scanner.places(data)), set(detector.places(data))
        assert some <= every
        first = detector.scanner.first_layer
        assert all(detector.scanner.parts.layers.inner(data, at, number - first) is None for number, at in every - some)
        dropped += len(every - some)
        more = b"x\n" * 200 + data + b"\nx" * 200
        assert {(n, at + 400) for n, at in some} >= {p for p in detector.places(more) if 400 <= p[1] < 400 + len(data)}
        low = chance.randrange(len(data))
        window = {(n, at + low) for n, at in detector.places(memoryview(data)[low:])}
        margin = detector.reach.before
        assert {p for p in some if p[1] >= low + margin} <= window
    assert dropped
    assert len(detector.apart) < dropped * 60


def test_no_more_joints_are_remembered_than_is_allowed(detector, monkeypatch):
    monkeypatch.setattr("nhiscan.collectors.repo._pack_detector._MOST_JOINTS", 5)
    small = ScannerDetector(detector.scanner, detector.reach, joining=detector.joining)
    for number in range(40):
        small.places(b'x = "github.com/some/package/n%d"\n  "github.com/other/package"\nmore of the same here' % number)
    assert 0 < len(small.apart) <= 5
