"""The results of an audit: an image of a registry in the roles of its tags, or facts alone where there is no policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from inspector import work
from inspector.facts import ImageFacts
from inspector.facts.known import Known, asked
from inspector.facts.unread import unread as facts_of_manifest
from inspector.layers.indexer import Indexer
from inspector.names import familiar, repository_in, tag_in
from inspector.pipeline.earlier import today
from inspector.pipeline.judging import asking, imports_asked, judge_target, layers_seen, manifest_failure
from inspector.pipeline.model import Options, Seen, Target
from inspector.pipeline.roles import claim_each, in_no_role, is_ignored, of_the_rest, role_named
from inspector.policy.audited import Audited, python_of
from inspector.policy.excuses import Excuses
from inspector.policy.needs import needs_sizes
from inspector.policy.role import Policy, Role
from inspector.policy.rules.against import AGAINST
from inspector.sources.image import Image


class Judge:
    """Checks images of registries against a policy. With `verify`, all is read before a verdict.

    Raises `PolicyError` for a role that the policy lacks.
    """

    def __init__(self, policy: Policy | None, options: Options) -> None:
        self._policy = asking(policy, options) if policy is not None else None
        self._role = role_named(self._policy, options.role) if self._policy and options.role is not None else None
        self._options = options
        self._compared = [role.name for role in self._policy.roles if role[AGAINST]] if self._policy else []
        if self._policy is not None and self._compared:
            roles = tuple(role.replaced(**{AGAINST.name: None}) for role in self._policy.roles)
            self._policy = msgspec.structs.replace(self._policy, roles=roles)
        self._excuses = Excuses(self._policy.waivers if self._policy else (), today(options))
        self._known = Known(options.cache, verify=options.verify)

    def warnings(self) -> Iterator[str]:
        """Yield what is to be known of the policy, once all was judged."""
        if self._compared:
            yield f"`against` of {', '.join(self._compared)}: not compared, as that is for `inspector check`"
        yield from self._excuses.ending()

    def roles(self, name: str) -> list[Role]:
        """List the roles that one name is in."""
        return [target.role for target in self._targets([name]) if target.role]

    def ignores(self, name: str) -> bool:
        """Tell whether the policy leaves out the image of that name."""
        return is_ignored(name, self._policy)

    def needs_layers(self, image: Image, name: str) -> bool:
        """Tell whether the verdict on the image under this name hangs on what its layers hold."""
        roles = self.roles(name)
        if self._options.verify or not roles:
            return self._policy is None or bool(roles)
        facts = facts_of_manifest(image)
        return any(manifest_failure(facts, role, name, self._excuses) is None for role in roles)

    def knows(self, image: Image, name: str) -> bool:
        """Tell whether all that the verdict on the image under this name hangs on is known by the image's content."""
        targets = self._targets([name])
        commands = {target.python(self._options) for target in targets if target.role or self._policy is None}
        imports, sizes = self._asked(targets)
        return all(self._known.has(image, asked(python, imports, sizes=sizes)) for python in commands)

    def verdicts(self, image: Image, names: Sequence[str], digest: str, indexer: Indexer | None) -> Iterator[Audited]:
        """Judge the image in each role that it is in; without an `indexer`, by its manifest and config alone."""
        by_command: dict[str, Seen] = {}
        targets = self._targets(names)
        for target in targets:
            python = target.python(self._options)
            if indexer is None or (target.role is None and self._policy is not None):
                seen = Seen(image.reference, facts_of_manifest(image))
            else:
                seen = by_command.get(python) or self._read(image, indexer, python, targets)
                by_command[python] = seen
            found = self._audited(target, seen)
            yield msgspec.structs.replace(found, digest=digest, image_id=image.image_id, platform=image.platform)

    def failure(self, name: str, error: Exception) -> Iterator[Audited]:
        """Report what could not be opened, in each role that its name is in."""
        for target in self._targets([name]):
            yield self._audited(target, Seen.failed(name, error))

    def _targets(self, names: Sequence[str]) -> list[Target]:
        """Pair the image of these names with its roles; with none where there is no policy, or no role fits."""
        if self._policy is None or self._role is not None:
            return [Target(tuple(names), self._role)]
        claimed = claim_each(names, self._policy) or of_the_rest(names, self._policy)
        return claimed or [in_no_role(names, names, self._policy, listed=False)]

    def _asked(self, targets: Sequence[Target]) -> tuple[tuple[str, ...], bool]:
        """Return the modules whose import the targets ask for, and whether they ask where the bytes are."""
        roles = [target.role for target in targets if target.role]
        return imports_asked(roles, self._options), any(map(needs_sizes, roles))

    def _read(self, image: Image, indexer: Indexer, python: str, targets: Sequence[Target]) -> Seen:
        imports, sizes = self._asked(targets)
        known = self._known.find(image, asked(python, imports, sizes=sizes))
        if known is not None:
            return Seen(image.reference, known)
        from inspector.facts import gather

        def read() -> ImageFacts:
            return gather(image, indexer, python=python, readers=1, imports=imports, sizes=sizes, known=self._known)

        with work.limited(self._options.image_timeout):  # the cache answers, no faster for threads
            return Seen.by(image.reference, read)

    def _audited(self, target: Target, seen: Seen) -> Audited:
        first, facts = target.names[0], seen.facts
        name = familiar(first)
        audited = Audited(
            image=name,
            repository=repository_in(first) if "/" in first else first,  # a whole registry, `HOST:PORT`
            tags=tuple(tag for each in target.names if "/" in each and (tag := tag_in(each))),
            role=target.role.name if target.role else None,
            outcome=None,
            error=seen.error,
        )
        if facts is not None:
            audited = msgspec.structs.replace(
                audited,
                torch=facts.torch if layers_seen(facts) else None,
                python=python_of(facts),
                size=facts.size,
                layers=len(facts.layers),
                warnings=facts.warnings,
                evidence=facts.evidence,
            )
        if self._policy is None:
            return audited
        manifest = not self._options.verify
        result = judge_target(target, seen, name, excuses=self._excuses, in_registry=True, manifest=manifest)
        fields = ("outcome", "findings", "dockerfile", "line", "waived", "known")
        judged = {field: getattr(result, field) for field in fields}
        return msgspec.structs.replace(audited, **judged)
