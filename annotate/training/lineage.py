"""Which version was fine-tuned from which. All versions are read at once: nightly runs make long chains."""

from __future__ import annotations

from dataclasses import dataclass

from annotate.training.models import ModelVersion


@dataclass(frozen=True)
class Lineage:
    """Of all versions: the one that each was fine-tuned from, if any, and the snapshot it was trained on."""

    parents: dict[int, int | None]
    snapshots: dict[int, int]

    def above(self, version_id: int) -> list[int]:
        """The versions that it comes from, the nearest first."""
        found: list[int] = []
        parent = self.parents[version_id]
        while parent is not None:
            found.append(parent)
            parent = self.parents[parent]
        return found

    def below(self, version_id: int) -> list[int]:
        """Those that come from it, however far, in the order in which they were made."""
        found = {version_id}
        # A child is always younger than its parent.
        for child, parent in sorted(self.parents.items()):
            if parent in found:
                found.add(child)
        return sorted(found - {version_id})

    def learnt_from(self, version_id: int) -> set[int]:
        """The snapshots that it, and those that it comes from, were trained on."""
        return {self.snapshots[one] for one in (version_id, *self.above(version_id))}


def lineage() -> Lineage:
    rows = list(ModelVersion.objects.values_list("pk", "run__parent", "run__snapshot"))
    return Lineage({pk: parent for pk, parent, _ in rows}, {pk: snapshot for pk, _, snapshot in rows})
