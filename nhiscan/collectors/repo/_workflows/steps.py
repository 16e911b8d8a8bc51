"""The steps of a job: what each is handed, and whether it prints, stores or passes it to code of somebody else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._workflows import agents, cloud, parties, purposes, runners, scripts
from nhiscan.collectors.repo._workflows.exchanges import write_app_token, write_federation, write_publication
from nhiscan.collectors.repo._workflows.handed import NO_NAMES, Handed, Names, handed, lowered
from nhiscan.collectors.repo._workflows.robots import robot
from nhiscan.collectors.repo._workflows.shape import strings
from nhiscan.collectors.repo._workflows.writer import FRAMEWORK, Spotted
from nhiscan.plugin import Consumer, ConsumerKind, Purpose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._workflows.parties import Party
    from nhiscan.collectors.repo._workflows.permissions import Permissions
    from nhiscan.collectors.repo._workflows.shape import Job, Step
    from nhiscan.collectors.repo._workflows.triggers import Cause
    from nhiscan.collectors.repo._workflows.writer import Writer

    Purposes = Callable[[str, str], Purpose | None]


def _named(name: str, secret: str) -> Purpose | None:
    return purposes.by_name(secret) or purposes.by_name(name)


def _registry(_name: str, _secret: str) -> Purpose:
    return Purpose.REGISTRY


@dataclass(frozen=True, slots=True, repr=False)
class Site:
    """Where a value stands: the consumer that reads it, its name and kind of spot, what names mean there.

    `path` is empty for the workflow's own file.
    """

    holder: str
    name: str
    place: str
    names: Names = NO_NAMES
    purpose: Purposes = _named
    path: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Bounds:
    """The job that is walked: its ids, what its token may do, and what sets it to work."""

    job: Job
    job_id: str
    token_id: str
    permissions: Permissions
    cause: Cause


class Steps:
    """Walks one job; what is found is added to its writer."""

    def __init__(self, bounds: Bounds, writer: Writer) -> None:
        self.job = bounds.job
        self.job_id = bounds.job_id
        self.token_id = bounds.token_id
        self.permissions = bounds.permissions
        self.cause = bounds.cause
        self.writer = writer
        self._parties: set[tuple[str, str]] = set()
        self._agents: dict[str, int] = {}
        self._keeps_token = False

    def steps(self, steps: Sequence[Step], env: Mapping[str, Node]) -> None:
        """Add what the steps give, then the third parties that hold something."""
        loosest = self._pins(steps)
        for step in steps:
            names = Names({**env, **lowered(step.env)}, step.given)
            party = parties.action(step.uses)
            if found := robot(step, party.action if party else ""):
                holder = agents.write_agent(found, step, party, self, self._number(found.framework))
            elif party and self._receives(step, names):
                party = loosest[party.launcher, party.package.lower()]
                holder = self.third_party(party, step.node.at("uses") or step.node, step.document.path)
            else:
                holder = self.job_id
            self._step(step, names, party, holder)

    def third_party(self, party: Party, at: Node | int, path: str) -> str:
        """The id of a third party in this job, which is noted the first time."""
        writer = self.writer
        name = writer.book.scrub(party.package)
        identifier = f"{self.job_id}:{party.launcher}:{name}"
        line = at if isinstance(at, int) else at.line
        if (party.launcher, name) not in self._parties:
            self._parties.add((party.launcher, name))
            writer.add(
                Consumer(
                    id=identifier,
                    scope_id=writer.scope_id,
                    source=writer.book.source,
                    locator=f"{path}:{line}",
                    kind=ConsumerKind.STEP,
                    name=name,
                    framework=FRAMEWORK,
                    parent_id=self.job_id,
                    uri=path,
                    line=line,
                    visibility=self.job.workflow.document.visibility,
                    platform="github_actions",
                    launcher=party.launcher,
                    package=name,
                    pin=party.pin,
                    file_class=writer.class_of(path),
                )
            )
        return identifier

    def hand(self, node: Node, site: Site) -> None:
        """Add a use for every secret in a value, and what is exposed by taking one apart."""
        path = site.path or self.job.workflow.document.path
        for item in handed(node, site.names, bare=site.name == "if"):
            line = self.writer.line(path, node, item.offset, item.text) if item.text else node.line
            if item.name is None:
                whole = "toJSON" if "tojson" in item.text.lower() else "computed"
                self.writer.use(site.holder, Spotted(whole, "all_secrets", path, line))
                continue
            identifier = self.credential(item, f"{path}:{line}")
            purpose = site.purpose(site.name, item.name)
            self.writer.use(site.holder, Spotted(site.name or item.name, site.place, path, line, purpose), identifier)
            if item.parsed:
                self.writer.use(site.holder, Spotted("fromJSON", "log", path, line, Purpose.EXPOSED), identifier)

    def hand_below(self, holder: str, node: Node | None, name: str) -> None:
        """Add a use for every secret at or below a node."""
        for text in strings(node):
            self.hand(text, Site(holder, name, "arg"))

    def containers(self, env: Mapping[str, Node]) -> None:
        """Add what the job's container and its services are given, and the images that hold it."""
        document = self.job.workflow.document
        names = Names(env, {})
        for label, node in runners.images(self.job):
            image = node.at("image") if node.map else node
            party = parties.image(image.text) if image and image.text else None
            given = env_of(node)
            holder = self.job_id
            if party and image and (label == "container" or any(list(handed(n, names)) for n in given.values())):
                holder = self.third_party(party, image, document.path)
            for name, value in given.items():
                self.hand(value, Site(holder, name, "env", names))
            self.writer.literals(holder, document, "env", given)
            credentials = node.at("credentials")
            logins = {f"{label}.credentials.{n}": v for n, v in (credentials.map if credentials else {}).items()}
            for name, value in logins.items():
                self.hand(value, Site(self.job_id, name, "input", names, _registry))
            self.writer.literals(self.job_id, document, "input", logins)

    def _step(self, step: Step, names: Names, party: Party | None, holder: str) -> None:
        path, action = step.document.path, party.action if party else ""
        purpose = partial(purposes.of_action, action) if action else partial(purposes.of_script, step.run)
        for name, node in step.env.items():
            self.hand(node, Site(holder, name, "env", names, purpose, path))
        for name, node in step.inputs.items():
            for text in strings(node):
                self.hand(text, Site(holder, name, "input", names, purpose, path))
        for key in ("run", "if", "name", "working-directory"):
            if (found := step.node.at(key)) is not None:
                site = Site(self.job_id, "" if key == "run" else key, "arg", Names({}, step.given), purpose, path)
                self.hand(found, site)
        if step.document is self.job.workflow.document:
            self.writer.literals(holder, step.document, "env", step.env)
            self.writer.literals(holder, step.document, "input", step.inputs)
        self._exchanged(step, names, action)
        self._exposed(step, names, action)

    def _exchanged(self, step: Step, names: Names, action: str) -> None:
        """Add what the step gets for the job's own proof."""
        if federation := cloud.federation(step, action):
            write_federation(federation, step, self)
        if app := cloud.app_token(step, action):
            write_app_token(app, step, self)
        for published in cloud.publications(step, action, self.permissions, names.env):
            write_publication(published, step, self)

    def _exposed(self, step: Step, names: Names, action: str) -> None:
        """Add what a script prints and what an artifact carries out."""
        path, node = step.document.path, step.node.at("run")
        if action == "actions/checkout" and scripts.keeps_token(step):
            self._keeps_token = True
        if action.startswith("actions/upload-artifact"):
            whole, kept = scripts.uploads(step)
            line = (step.inputs.get("path") or step.node).line
            if whole and self._keeps_token:
                self.writer.use(
                    self.job_id, Spotted("GITHUB_TOKEN", "artifact", path, line, Purpose.EXPOSED), self.token_id
                )
            if kept:
                self.writer.use(self.job_id, Spotted(kept, "artifact", path, line, Purpose.EXPOSED, form=None))
        if node is None:
            return
        for item in dict.fromkeys(self._printed(step, node, names)):
            line = self.writer.line(path, node, item.offset, item.text)
            identifier = self.credential(item, f"{path}:{line}")
            self.writer.use(self.job_id, Spotted(item.name or "", "log", path, line, Purpose.EXPOSED), identifier)

    @staticmethod
    def _printed(step: Step, run: Node, names: Names) -> Iterator[Handed]:
        """The secrets that a script writes to the log, at the place where it does."""
        script = step.run
        inside = [i for i in handed(run, Names({}, step.given)) if i.name]
        if scripts.traces(script):
            yield from inside
        lines = list(scripts.printed(script))
        dumps = scripts.dumps(script)
        read = {v.lower() for _, line in lines for v in scripts.variables(line)}
        held = {n: [i for i in handed(v, names) if i.name] for n, v in names.env.items() if dumps or n in read}
        if dumps:
            yield from (replace(i, offset=0, text=script[:40]) for items in held.values() for i in items)
        for at, line in lines:
            yield from (i for i in inside if at <= i.offset < at + len(line))
            for name in sorted(v.lower() for v in scripts.variables(line)):
                yield from (replace(i, offset=at, text=line) for i in held.get(name, ()))

    def credential(self, item: Handed, at: str) -> str:
        """The id of the credential that a value hands on, which is noted the first time."""
        return self.token_id if item.own else self.writer.secret(item.name or "", at)

    def _number(self, framework: str) -> int:
        self._agents[framework] = self._agents.get(framework, 0) + 1
        return self._agents[framework]

    def _receives(self, step: Step, names: Names) -> bool:
        """Whether the code of others gets something: a token that may write or federate, or a secret."""
        if self.permissions.writes is not False:
            return True
        values = [*step.env.values(), *(t for n in step.inputs.values() for t in strings(n))]
        return any(not i.own for v in values for i in handed(v, names)) or any(
            not i.own for v in names.env.values() for i in handed(v, names)
        )

    @staticmethod
    def _pins(steps: Sequence[Step]) -> dict[tuple[str, str], Party]:
        found: dict[tuple[str, str], Party] = {}
        for party in (p for s in steps if (p := parties.action(s.uses))):
            key = party.launcher, party.package.lower()
            before = found.get(key)
            if before is None:
                found[key] = party
            elif before.pin is not party.pin:
                pin = parties.looser(before.pin, party.pin)
                found[key] = party if pin is party.pin else before
        return found


def env_of(node: Node) -> Mapping[str, Node]:
    """The environment of a container."""
    found = node.at("env")
    return found.map if found else {}
