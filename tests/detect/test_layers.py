"""Encoded text is found by the words it would hold, decoded exactly, and placed in the outer text."""

from __future__ import annotations

import base64
import binascii
import functools
import gzip
import html
import json
import random
import re
import string
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.detect.encodings import sextets
from nhiscan.detect.escapes import unescape
from nhiscan.detect.examples import assemble
from nhiscan.detect.layers import DEPTH, Layers, shipped_layers
from nhiscan.detect.stage import matcher_kind

TOKEN = assemble("ghp_{crc}").encode()
QUIET = b"the quick brown fox jumps over the lazy dog; "


@functools.cache
def matcher():
    return matcher_kind().of(layers().expressions)


@functools.cache
def layers():
    return Layers.of([b"ghp_", b"sk-live-", b"xoxb-"])


def unfold(data):
    return layers().unfold(data, matcher().places(data))


def texts(data, depth=DEPTH):
    """Every text that comes out, at every level."""
    found = []
    for layer in unfold(data):
        found.append(layer.data)
        if depth > 1:
            found += texts(layer.data, depth - 1)
    return found


def shown(data, needle=TOKEN):
    return any(needle in text for text in texts(data))


def b64(data):
    return base64.b64encode(data)


def wrapped(data, width=76, end=b"\n"):
    text = b64(data)
    return end.join(text[i : i + width] for i in range(0, len(text), width))


def percent(data):
    return b"".join(b"%%%02X" % c for c in data)


LINE = b"token: " + TOKEN + b"\n"
FORMS = {
    "base64": b'blob = "' + b64(TOKEN) + b'"',
    "base64 in an assignment": b"BLOB=" + b64(LINE),
    "base64 without padding": b"x " + b64(b"a" + TOKEN).rstrip(b"=") + b" y",
    "base64 url-safe": b"u=" + base64.urlsafe_b64encode(b"??>>~~" + TOKEN),
    "base64 behind something of its own alphabet": b"/v1/blob-" + b64(TOKEN),
    "base64 wrapped": b"data:\n" + wrapped(QUIET * 5 + LINE + QUIET * 5),
    "base64 wrapped and indented": b"k: |\n    " + wrapped(QUIET * 3 + LINE + QUIET, 64, b"\r\n    "),
    "base64 wrapped in a string": b'"' + wrapped(QUIET * 3 + LINE + QUIET, 64, rb"\n") + b'"',
    "base64 twice": b'blob = "' + b64(b64(TOKEN)) + b'"',
    "base64 of utf-16": b"powershell -e " + b64(LINE.decode().encode("utf-16-le")),
    "base64 of gzip": b"release: " + b64(gzip.compress(LINE * 3)),
    "base64 of base64 of gzip": b"release: " + b64(b64(gzip.compress(LINE * 3))),
    "hex": b"x = '" + binascii.hexlify(LINE) + b"'",
    "hex in capitals": b"x = 0x" + binascii.hexlify(LINE).upper(),
    "percent": b"https://a.example/?q=" + percent(TOKEN),
    "percent where needed": b"q=" + quote(f"token={TOKEN.decode()}&x", safe="").encode(),
    "percent twice": b"q=" + quote(quote(f"token={TOKEN.decode()}&x", safe=""), safe="").encode(),
    "JSON in JSON": json.dumps({"a": json.dumps({"token": TOKEN.decode()})}).encode(),
    "JSON in JSON in JSON": json.dumps({"a": json.dumps({"b": json.dumps({"token": TOKEN.decode()})})}).encode(),
    "unicode escapes": b'x = "' + b"".join(rb"\u%04x" % c for c in TOKEN) + b'"',
    "hexadecimal escapes": b"x = '" + b"".join(rb"\x%02x" % c for c in TOKEN) + b"'",
    "markup": b'<a data-x="' + html.escape(json.dumps({"token": TOKEN.decode()})).encode() + b'">',
    "added": b'a = "' + TOKEN[:9] + b'" +\n    "' + TOKEN[9:] + b'"\n',
    "added on one line": b"a = '" + TOKEN[:14] + b"' + '" + TOKEN[14:] + b"';\n",
    "adjacent": b"a = ('" + TOKEN[:9] + b"'\n     '" + TOKEN[9:20] + b"'\n     '" + TOKEN[20:] + b"')\n",
    "joined with a leading plus": b'String a = "' + TOKEN[:20] + b'"\r\n    + "' + TOKEN[20:] + b'";',
    "joined by PHP": b"$a = '" + TOKEN[:20] + b"' . '" + TOKEN[20:] + b"';",
    "continued string": b'a = "' + TOKEN[:9] + b"\\\n" + TOKEN[9:] + b'"',
    "continued line": b"export A=" + TOKEN[:30] + b"\\\r\n" + TOKEN[30:] + b"\n",
    "block scalar": b"a: >-\n  " + TOKEN[:20] + b"\n  " + TOKEN[20:] + b"\nb: c\n",
    "notebook": json.dumps({"cells": [{"source": ["x = 1\n", f'token = "{TOKEN.decode()}"\n']}]}, indent=1).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_token_is_seen_through_an_encoding(form):
    assert shown(FORMS[form])
    assert shown(QUIET + b"\n" + FORMS[form] + b"\n" + QUIET)


@pytest.mark.parametrize("form", FORMS)
def test_a_layer_lies_where_the_encoded_text_lies_and_shows_nothing(form):
    data = (QUIET + b"\n") * 3 + FORMS[form] + b"\n" + QUIET
    found = unfold(data)
    assert found
    for layer in found:
        assert 3 * (len(QUIET) + 1) <= layer.start < layer.end <= len(data) - len(QUIET)
        assert all(layer.start <= layer.outer(i) < layer.end for i in (0, len(layer.data) // 2, len(layer.data)))
        assert TOKEN.decode() not in repr(layer)


def test_a_text_that_holds_no_word_is_not_decoded():
    sentence = b"nothing of interest in here at all!!"
    assert not unfold(b'x = "' + b64(sentence) + b'"; y = "' + binascii.hexlify(sentence) + b'"')


def test_prose_in_adjacent_strings_and_ordinary_escapes_are_left_alone():
    code = rb'raise ValueError("the value is wrong, "' + b"\n" + rb'    "so nothing was done"); print("a\tb\n", "%d%s")'
    assert not unfold(code)


def test_a_certificate_is_no_text():
    der = b"0\x82\x04\x00" + bytes(range(200, 250)) * 3 + b"http://secret.example/token password" * 2
    assert not unfold(b"-----BEGIN CERTIFICATE-----\n" + wrapped(der, 64) + b"\n-----END CERTIFICATE-----\n")


def test_positions_inside_lead_to_the_line_outside():
    lines = [f"k{i} = {'x' * 50}\n" for i in range(60)]
    lines[40] = f"token = {TOKEN.decode()}\n"
    data = b"head\n" + wrapped("".join(lines).encode())
    (layer,) = unfold(data)
    inner = layer.data.index(TOKEN)
    there = len(b"head\n") + (inner * 4 // 3) // 76 * 77
    assert abs(layer.outer(inner) - there) < 77


def test_a_notebook_cell_is_the_text_it_holds_line_by_line():
    source = ["import os\n", f'key = "{TOKEN.decode()}"\n', "print('a\\n')"]
    data = json.dumps({"cells": [{"cell_type": "code", "source": source}]}, indent=1).encode()
    cell = next(layer for layer in unfold(data) if layer.how == "notebook")
    assert cell.data == "".join(source).encode() + b"\n"
    place = cell.outer(cell.data.index(TOKEN))
    assert data[:place].count(b"\n") == data[: data.index(TOKEN)].count(b"\n")


def test_a_pem_in_a_cell_and_in_a_string_gets_its_lines_back():
    pem = f"-----BEGIN PRIVATE KEY-----\n{assemble('{b64:64}')}\n-----END PRIVATE KEY-----\n"
    for data in (json.dumps({"k": pem}), f"KEY={json.dumps(pem)[1:-1]}", json.dumps({"source": [pem]})):
        assert any(pem.strip().encode() in text for text in texts(data.encode()))


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("form", ["yaml", "json", "quoted"])
def test_a_kubernetes_secret_gives_names_and_values(order, form):
    values = {"user": b"app", "password": b"hunter2-x", "conf": b'a = "b"\nc = "d"\n'}
    coded = {name: b64(value).decode() for name, value in values.items()}
    if form == "json":
        parts = [f'"data": {json.dumps(coded, indent=2)}', '"kind": "Secret"']
        text = '{"apiVersion": "v1",\n' + ",\n".join(parts if order == "before" else parts[::-1]) + "}"
    else:
        mark = '"' if form == "quoted" else ""
        rows = "".join(f"  {name}: {mark}{value}{mark}\n" for name, value in coded.items())
        parts = [f"data:\n  # a comment\n{rows}", "kind: Secret\n"]
        text = "apiVersion: v1\n" + "".join(parts if order == "before" else parts[::-1]) + "type: Opaque\n"
    (layer,) = (item for item in unfold(text.encode()) if b"hunter2" in item.data)
    assert b'user: "app"\npassword: "hunter2-x"\nconf:\na = "b"\nc = "d"\n' in layer.data
    line = text[: layer.outer(layer.data.index(b"hunter2"))].count("\n")
    assert "password" in text.splitlines()[line]


def test_only_the_secret_of_a_list_is_decoded():
    secret = f"apiVersion: v1\nkind: Secret\ndata:\n  a: {b64(b'password-one').decode()}\n"
    config = "apiVersion: v1\nkind: ConfigMap\ndata:\n  level: information1\n"
    for separator in ("---\n", ""):
        text = separator.join((config, secret, config, secret.replace("  a:", "  b:")))
        found = [layer.data for layer in unfold(text.encode())]
        assert found == [b'a: "password-one"\n', b'b: "password-one"\n']
    assert not unfold(config.replace("ConfigMap", "Secret").replace("data:", "stringData:").encode())


def test_a_docker_configuration_in_a_secret_is_taken_apart_twice():
    auth = b64(b"robot:" + TOKEN).decode()
    config = json.dumps({"auths": {"registry.example": {"auth": auth}}})
    coded = b64(config.encode()).decode()
    text = f"apiVersion: v1\nkind: Secret\ndata:\n  .dockerconfigjson: {coded}\ntype: kubernetes.io/dockerconfigjson\n"
    assert shown(text.encode())


def test_unescape_takes_off_one_level():
    assert unescape(rb"a\"b\\n\/\u00e9") == 'a"b\\n/é'.encode()
    assert unescape(rb"\x41\q\u12\n") == b"Aq\\u12\n"
    assert unescape(rb"\ud83d") == b"?"


def test_the_shipped_layers_know_the_words_of_the_shipped_formats():
    texts_of = {e.text for e in shipped_layers().expressions}
    assert all(seen.text in texts_of for word in (b"ghp_", b"glpat-", b"AKIA") for seen in sextets(word))


def test_inner_gives_one_layer_or_none():
    data = FORMS["base64"]
    found = [layers().inner(data, place, number) for number, place in matcher().places(data)]
    assert any(layer is not None and layer.data == TOKEN for layer in found)
    hexes = next(i for i, e in enumerate(layers().expressions) if e.text == b"ghp_".hex().encode())
    assert layers().inner(b"6768705f", 0, hexes) is None


words = st.binary(min_size=3, max_size=9).filter(lambda w: max(w) < 0x7F)


@given(words, st.binary(max_size=5), st.binary(max_size=6).filter(lambda t: not t or t[0] < 0x80))
@settings(max_examples=60, deadline=None)
def test_every_alignment_of_a_word_is_named_once(word, before, after):
    coded = base64.b64encode(before + word + after)
    place = len(before) * 8 // 6
    seen = [s for s in sextets(word) if re.compile(s.text).match(coded, place)]
    assert [s.phase for s in seen if s.phase == place % 4] == [place % 4]


printable = st.text(string.ascii_letters + string.digits + " .,:=\n_-", min_size=0, max_size=200).map(str.encode)
codes = st.sampled_from([b64, base64.urlsafe_b64encode, percent, binascii.hexlify])


@given(printable, printable, codes, st.sampled_from([b64, base64.urlsafe_b64encode]))
@settings(max_examples=80, deadline=None)
def test_two_levels_of_encoding_give_the_text_back_exactly(before, after, outer, inner):
    text = before + b" " + TOKEN + b" " + after
    assert any(text in found for found in texts(b'x = "' + inner(text) + b'"', 1))
    if outer in {b64, base64.urlsafe_b64encode, percent}:
        assert any(text in found for found in texts(b'x = "' + outer(inner(text)) + b'"'))


@given(st.binary(max_size=600), st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_it_stumble(data, seed):
    chosen = random.Random(seed)
    parts = [*FORMS.values(), b"kind: Secret\ndata:\n", b'"source": [', rb"\":", b"H4sIAAAAAAAAAAAAAAAA"]
    mixed = b"".join((chosen.choice(parts)[: chosen.randrange(60)], data[: chosen.randrange(1 + len(data))])) * 2
    for text in (data, mixed):
        for layer in unfold(text):
            assert 0 <= layer.start < layer.end <= len(text)
        for number in range(0, len(layers().readers), 97):
            layers().readers[number](text, len(text) // 2, 0)


HOSTILE = {
    "secrets without data": b"kind: Secret\n",
    "secrets without data in a row": b"kind: Secret ",
    "escaped quotes": rb"\":",
    "escaped quotes and backslashes": rb"\\\":",
    "mixed quotes": rb"'\":\x41`",
    "escapes": rb"\x41\'",
    "percent": b"%41%41%41",
    "base64 words": base64.b64encode(b"ghp_token") + b"-",
    "base64 words between control characters": base64.b64encode(b"\0\1ghp_\0\1\2\3\4\5" * 3),
    "base64 lines": base64.b64encode(b"ghp_token" * 3) + b"\n",
    "hex": b"6768705f",
    "hex and zeros": b"6768705f00000000",
    "gzip heads": b"H4sIAAAAAAAAAAAAAAAA",
    "adjacent": b'"abcdefgh"\n"',
    "continued": b"abcdefghijkl\\\n",
    "cells": b'"source": [',
    "cell lines": b'"source": ["a",',
    "blocks": b"a: |\n  abcdefghijkl\n",
    "markup": b"&quot;:",
    "versions": b"apiVersion: v1\nkind: Secret\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_grows_with_the_size_and_not_with_its_square(name):
    def cost(size):
        data = HOSTILE[name] * (size // len(HOSTILE[name]))
        places = matcher().places(data)
        begin = time.process_time()
        layers().unfold(data, places)
        return time.process_time() - begin

    assert cost(200_000) < 1.5
