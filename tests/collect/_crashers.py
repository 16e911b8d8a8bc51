"""Collectors that misbehave in every way a collector can."""

from __future__ import annotations

import os
from typing import ClassVar

from nhiscan.plugin import Gap, GapReason, Identity, IdentityKind, Scope, ScopeKind, TargetError, Unit

CANARY = "canary-" + "value-7f3a"


class Misbehaving:
    name = "test.misbehaving"
    title = "misbehaves as its unit says"
    requires: ClassVar = {"test:Read": "identity"}
    covers = ("identity",)

    def units(self, target, ctx):
        for kind in target.value.split(","):
            yield Unit(f"test:{kind}", self.name, "s", target, {"kind": kind})

    def collect(self, unit, ctx):
        kind = unit.params["kind"]
        ctx.calls["test.Read"] = ctx.calls.get("test.Read", 0) + 1
        yield Scope(id="s", scope_id="s", source=self.name, provider="test", kind=ScopeKind.ACCOUNT, name="s")
        yield Identity(id=kind, scope_id="s", source=self.name, provider="test", kind=IdentityKind.USER, name=kind)
        if kind == "raises":
            raise ValueError(CANARY)
        if kind == "denied":
            yield Gap(
                id="g",
                scope_id="s",
                source=self.name,
                covers=("identity",),
                reason=GapReason.DENIED,
                remedy="test:Read",
            )
        if kind == "target":
            message = "the token expired"
            raise TargetError(message, "log in again")
        if kind == "dies":
            os._exit(9)


COLLECTOR = Misbehaving()
