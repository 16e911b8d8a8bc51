"""How many steps a backtracking matcher may take for one pattern, told from its shape alone.

A pattern costs more than a step a character only where one text can be shared out between several of its parts in
many ways.  The pattern becomes a graph of positions, one for each class of characters in it (Glushkov 1961); two
repeats share a text where a way leads from one to the other over characters that both take (infinite degree of
ambiguity, Weber and Seidl 1991), and then the ways are the product of how far both reach.  A repeated group that can
take one text in two ways doubles the steps with each turn.  Possessive repeats and atomic groups give nothing back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from re import _parser

EVERYTHING = (1 << 256) - 1
FEW = 2  # turns of a repeat that are told from one another by writing it out


@dataclass
class Position:
    """A class of characters, how often it repeats itself, and the atomic groups around it."""

    takes: int
    reach: int
    atoms: frozenset[int]
    follows: set[int] = field(default_factory=set)


@dataclass
class Graph:
    """The positions of a pattern; `groups` are repeated groups as (positions, turns)."""

    reach: int
    positions: list[Position] = field(default_factory=list)
    groups: list[tuple[range, int]] = field(default_factory=list)
    begin: set[int] = field(default_factory=set)  # positions that only the beginning of the text leads to
    checked: set[int] = field(default_factory=set)  # positions behind which something is looked for
    atom: int = 0

    def add(self, takes, reach, atoms):
        self.positions.append(Position(takes, reach, atoms))
        return len(self.positions) - 1

    def link(self, before, behind):
        for number in before:
            self.positions[number].follows |= behind

    def read(self, items, atoms, caseless):
        """First and last positions of a sequence, and whether it may be empty."""
        firsts, lasts, empty, begins = set(), set(), True, False
        for code, value in items:
            begins = begins or (str(code) == "AT" and str(value).startswith("AT_BEGINNING"))
            first, last, nothing = self.item(str(code), value, atoms, caseless)
            if begins and empty:
                self.begin |= first
            if str(code) in {"AT", "ASSERT", "ASSERT_NOT"}:
                self.checked |= lasts
            self.link(lasts, first)
            if empty:
                firsts |= first
            lasts = lasts | last if nothing else last
            empty = empty and nothing
        return firsts, lasts, empty

    def item(self, code, value, atoms, caseless):
        match code:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "ANY_ALL" | "IN" | "CATEGORY" | "GROUPREF":
                number = self.add(_takes(code, value, caseless), 1, atoms)
                return {number}, {number}, False
            case "SUBPATTERN" | "ATOMIC_GROUP":
                alone = code == "ATOMIC_GROUP"
                inner = (value, self.within(atoms)) if alone else (value[3], atoms)
                return self.read(*inner, caseless or (not alone and bool(value[1] & re.IGNORECASE)))
            case "BRANCH":
                # Where a text begins is one start, beside which the others count.
                ways = [self.read(way, atoms, caseless) for way in value[1] if not _is_begin(way)]
                firsts, lasts, empty = zip(*ways, strict=True)
                return set().union(*firsts), set().union(*lasts), any(empty)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self.repeat(code, value, atoms, caseless)
            case "ASSERT" | "ASSERT_NOT" if value[0] > 0:
                first, _, _ = self.read(value[1], atoms, caseless)
                return first, set(), True
        return set(), set(), True

    def within(self, atoms):
        self.atom += 1
        return atoms | {self.atom}

    def repeat(self, code, value, atoms, caseless):
        low, high, inner = value
        turns = min(int(high), self.reach)
        if code == "POSSESSIVE_REPEAT":
            atoms = self.within(atoms)
        begin = len(self.positions)
        first, last, empty = self.read(inner, atoms, caseless)
        held = range(begin, len(self.positions))
        if turns > FEW and turns > low:
            if len(held) == 1:
                self.positions[begin].reach = turns * self.positions[begin].reach
                self.positions[begin].follows.add(begin)
            else:
                self.link(last, first)
                if code != "POSSESSIVE_REPEAT":
                    self.groups.append((held, turns))
        return first, last, empty or low == 0

    def shared(self, one, repeats):
        """The repeats that can go on with a text that this one takes as well, all the way from it to them."""
        start = self.positions[one]
        for other in repeats:
            end = self.positions[other]
            common = start.takes & end.takes
            if other != one and common and start.atoms <= end.atoms and self.leads(one, other, common):
                yield other

    def leads(self, one, other, common):
        """Whether a way leads from one position to the other over some of the common characters."""
        seen, stack = {one}, [one]
        while stack:
            for after in self.positions[stack.pop()].follows - seen:
                if after == other:
                    return True
                seen.add(after)
                if self.positions[after].takes & common:
                    stack.append(after)
        return False


def steps(pattern, flags=0, *, reach=1 << 12, search=1):
    """The most steps, as a product of how far the repeats reach that share a text.

    A repeat without end reaches `reach`; `search` is how many starts are tried.
    """
    tree = _parser.parse(pattern, flags & ~re.UNICODE if isinstance(pattern, bytes) else flags)
    graph = Graph(reach)
    first, last, _ = graph.read(tree, frozenset(), bool(tree.state.flags & re.IGNORECASE))
    if search > 1:
        lead = graph.add(EVERYTHING, search, frozenset())
        graph.positions[lead].follows |= (first - graph.begin) | {lead}
    if any(_doubles(graph, held) for held, turns in graph.groups if turns > 4):
        return 1 << 60
    done = last - graph.checked if search > 1 else set()  # once there, a search has found something
    repeats = [n for n, position in enumerate(graph.positions) if position.reach > 1 and n not in done]
    next_of = {n: list(graph.shared(n, repeats)) for n in repeats}
    known: dict[tuple[int, int], int] = {}

    def longest(number, common, above):
        common &= graph.positions[number].takes
        if not common:
            return 1
        if (number, common) not in known:
            further = [longest(n, common, above | {number}) for n in next_of[number] if n not in above]
            known[number, common] = graph.positions[number].reach * max(further, default=1)
        return known[number, common]

    return max((longest(n, EVERYTHING, frozenset({n})) for n in repeats), default=1)


def _doubles(graph, held):
    """Whether one text leads around a repeated group in two ways: from a position back to it, apart in between."""
    inside = set(held)
    edges = {n: graph.positions[n].follows & inside for n in inside}
    forward: dict[tuple[int, int], set[tuple[int, int]]] = {}

    def after(pair):
        if pair not in forward:
            forward[pair] = {
                (a, b)
                for a in edges[pair[0]]
                for b in edges[pair[1]]
                if graph.positions[a].takes & graph.positions[b].takes
                and not (graph.positions[a].atoms - graph.positions[pair[0]].atoms and a != b)
            }
        return forward[pair]

    for start in inside:
        reached = _reach((start, start), after)
        if any(a != b and (start, start) in _reach((a, b), after) for a, b in reached):
            return True
    return False


def _reach(pair, after):
    seen, stack = set(), [pair]
    while stack:
        for further in after(stack.pop()):
            if further not in seen:
                seen.add(further)
                stack.append(further)
    return seen


def _is_begin(way):
    return len(way) == 1 and str(way[0][0]) == "AT" and str(way[0][1]).startswith("AT_BEGINNING")


_CATEGORIES = {
    "DIGIT": rb"0123456789",
    "SPACE": b" \t\n\r\f\v",
    "WORD": b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_",
}


def _category(name):
    kind = str(name).removeprefix("CATEGORY_").removeprefix("UNI_").removeprefix("LOC_")
    bits = sum(1 << c for c in _CATEGORIES[kind.removeprefix("NOT_")])
    return EVERYTHING & ~bits if kind.startswith("NOT_") else bits


def _takes(code, value, caseless):
    if code in {"ANY", "ANY_ALL", "GROUPREF"}:
        return EVERYTHING
    if code == "CATEGORY":
        return _category(value)
    if code == "LITERAL":
        return _cased(1 << min(value, 255), caseless)
    if code == "NOT_LITERAL":
        return EVERYTHING & ~_cased(1 << min(value, 255), caseless)
    bits, negated = 0, False
    for what, of in value:
        match str(what):
            case "NEGATE":
                negated = True
            case "LITERAL":
                bits |= 1 << min(of, 255)
            case "RANGE":
                bits |= sum(1 << c for c in range(min(of[0], 255), min(of[1], 255) + 1))
            case _:
                bits |= _category(of)
    bits = _cased(bits, caseless)
    return EVERYTHING & ~bits if negated else bits


def _cased(bits, caseless):
    if not caseless:
        return bits
    small = sum(1 << c for c in range(97, 123))
    return bits | (bits & small) >> 32 | (bits & small >> 32) << 32
