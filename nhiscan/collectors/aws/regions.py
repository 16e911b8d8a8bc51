"""Which accounts and regions are read, and which are not: a role that nobody may assume, regions without anything.

Calls: sts:GetCallerIdentity once, organizations:ListAccounts for `aws:org`, sts:AssumeRole for each other account,
ec2:DescribeRegions for each account, and for each enabled region tag:GetResources, with up to five more where that
finds nothing.  They are made while the run is planned; collecting makes none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.collectors.aws._accounts import params_of
from nhiscan.collectors.aws._exports import answers_of, units_of
from nhiscan.collectors.aws._operations import permission
from nhiscan.collectors.aws._plan import PLANNING, SIGNING_IN, accounts, regions_of
from nhiscan.collectors.aws._regions import PROBES, REGIONS, Fate
from nhiscan.collectors.aws._source import Account
from nhiscan.plugin import Context, Gap, GapReason, Record, Scope, ScopeKind, Target, TargetError, TargetKind, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.aws._accounts import Entry

_ANYTHING = (
    "identity", "credential", "policy", "attachment", "member", "owner", "consumer", "use", "store", "resource",
    "tool", "hop", "logging", "usage", "signal", "scope.parent_id",
)  # fmt: skip
_REGIONAL = ("consumer", "store", "resource", "credential")


class RegionsCollector:
    """Accounts that cannot be entered and regions that are passed over, each told once."""

    name: ClassVar[str] = "aws.regions"
    title: ClassVar[str] = "AWS accounts and regions: which are read and which are not"
    requires: ClassVar[Mapping[str, str]] = PLANNING
    writes: ClassVar[Mapping[str, str]] = SIGNING_IN
    schemes: ClassVar[tuple[str, ...]] = ("aws",)
    covers: ClassVar[tuple[str, ...]] = _ANYTHING
    evidence: ClassVar[bool] = False  # having planned is no evidence that anything was read

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for each account of the target."""
        if target.kind in self.schemes:
            for entry in accounts(target, ctx):
                params = {**params_of(entry), **_told(entry, ctx)}
                yield Unit(f"{self.name}:{entry.account.number}", self.name, entry.account.scope_id, target, params)
        elif target.kind is TargetKind.SNAPSHOT:
            yield from units_of(self.name, target, (REGIONS,), regional=False)

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:  # noqa: ARG002 - the protocol names it
        """The account, and a gap for what of it is not read.  Raises TargetError for an account nobody can enter."""
        account = Account(unit.params["account"], unit.params.get("partition", "aws"))
        yield Scope(
            id=account.scope_id, scope_id=account.scope_id, source=self.name, locator=account.arn("root"),
            provider="aws", kind=ScopeKind.ACCOUNT, name=unit.params.get("name") or account.number,
        )  # fmt: skip
        if unit.target.kind is TargetKind.SNAPSHOT:
            yield from self._not_exported(account, unit)
            return
        if "refused" in unit.params:
            raise TargetError(unit.params["refused"], unit.params["remedy"])
        yield from self._passed_over(account, unit.params)

    def _passed_over(self, account: Account, params: Mapping[str, str]) -> Iterator[Record]:
        empty, closed, alone = (_words(params.get(fate)) for fate in (Fate.EMPTY, Fate.CLOSED, Fate.SIGN_IN))
        if empty or closed or alone:
            parts = [f"nothing was found in {', '.join(empty)}"] if empty else []
            parts += [f"nothing but Identity Center in {', '.join(alone)}"] if alone else []
            parts += [f"{', '.join(closed)} closed by the organisation"] if closed else []
            detail = f"regions not read further: {'; '.join(parts)}"
            yield self._gap(account, "unused", _REGIONAL, GapReason.SKIPPED, detail, "--regions all", narrow=True)
        if silent := _words(params.get(Fate.SILENT)):
            detail = f"nobody answers in {', '.join(silent)}"
            remedy = "check the network and HTTPS_PROXY, or leave them out: --regions with the others"
            yield self._gap(account, "silent", _REGIONAL, GapReason.FAILED, detail, remedy)
        if unsure := _words(params.get(Fate.UNSURE)):
            # They are read, so nothing is missed: it only takes longer than it had to.
            detail = f"nobody could say whether these regions are in use, so they are read: {', '.join(unsure)}"
            remedy = f"allow {', '.join(map(permission, PROBES))}"
            yield self._gap(account, "unsure", _REGIONAL, GapReason.DENIED, detail, remedy, narrow=True)
        if "guessed" in params:
            reason = GapReason(params["guessed_reason"])
            detail = f"the regions are those the SDK knows: {params['guessed']}"
            yield self._gap(account, "list", _REGIONAL, reason, detail, params["guessed_remedy"], REGIONS, narrow=True)

    def _not_exported(self, account: Account, unit: Unit) -> Iterator[Record]:
        """A gap for the enabled regions of which a snapshot holds nothing."""
        try:
            found = listing(answers_of(unit).call(REGIONS).get("Regions"))
        except RefusedError as e:
            yield self._gap(account, "list", _REGIONAL, e.reason, e.detail, e.remedy, REGIONS, narrow=True)
            return
        beside = (Path(unit.target.value) / unit.params["folder"]).parent
        here = {path.name for path in beside.iterdir() if path.is_dir()}
        names = sorted({name for r in found if (name := text(mapping(r).get("RegionName"))) and _enabled(r)} - here)
        if names:
            detail = f"the snapshot holds nothing of the enabled regions {', '.join(names)}"
            remedy = "export them too, or remove them from ec2.DescribeRegions.json if nothing is in them"
            yield self._gap(account, "export", _REGIONAL, GapReason.SKIPPED, detail, remedy)

    def _gap(
        self, account: Account, name: str, covers: tuple[str, ...], reason: GapReason, detail: str, remedy: str,
        operation: str | None = None, *, narrow: bool = False,
    ) -> Gap:  # fmt: skip
        # Narrowed to something that is no record it is told, and bears on no verdict.
        return Gap(
            id=f"{account.scope_id}#gap/{self.name}/{name}", scope_id=account.scope_id, source=self.name,
            covers=covers, reason=reason, remedy=remedy, detail=detail, operation=operation,
            subject_id=f"{account.scope_id}/regions" if narrow else None,
        )  # fmt: skip


def _told(entry: Entry, ctx: Context) -> dict[str, str]:
    """What collecting has to tell, as text that travels."""
    if entry.refused is not None:
        return {"refused": entry.refused.detail, "remedy": entry.refused.remedy}
    found = regions_of(entry, ctx)
    told = {fate.value: ",".join(found.by_use.get(fate, ())) for fate in Fate if fate is not Fate.READ}
    if found.guessed is not None:
        why = found.guessed
        told |= {"guessed": why.detail, "guessed_reason": why.reason.value, "guessed_remedy": why.remedy}
    return {name: value for name, value in told.items() if value}


def _enabled(region: object) -> bool:
    return mapping(region).get("OptInStatus") != "not-opted-in"


def _words(value: str | None) -> list[str]:
    return [word for word in (value or "").split(",") if word]


COLLECTOR = RegionsCollector()
