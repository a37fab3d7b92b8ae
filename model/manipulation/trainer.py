"""Trains generator and discriminator by turns on batches of (source, target); their state between epochs.

Which faces, and the files, are run.py's; the terms of the losses losses.py's.
"""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from model.ahead import ahead
from model.backbone import to_input
from model.crops import take
from model.device import half_precision
from model.errors import TrainingError
from model.manipulation import losses
from model.manipulation.config import ManipulationConfig
from model.manipulation.discriminator import Discriminator
from model.manipulation.generator import Generator, GeneratorConfig
from model.manipulation.guide import Guide
from model.manipulation.measures import closer, share
from model.manipulation.pairs import Batch, PairSampler, held_out_pairs
from model.manipulation.sights import Sights
from model.optimisation import cosine_rate
from model.plan import epochs_of
from model.snapshot import Snapshot

# Made at once where no gradient is taken.
AT_ONCE = 64
# How much faster the discriminator learns: it must know what is wrong with faces before they can get better.
FASTER = 1.5

Progress = Callable[[int, int, float, float], None]


@dataclass(frozen=True)
class EpochResult:
    """Means over an epoch's steps: the generator's loss, and each term of both losses before its weight."""

    loss: float
    terms: dict[str, float]
    images: int
    seconds: float


class _Step(NamedTuple):
    """Uint8 faces (n, 3, S, S), drawn ahead of the step; `own` and `wanted` (n, D) are the embeddings of
    sources and targets, `people` (n, 512) the mean V_id of the sources' people."""

    batch: Batch
    sources: Tensor
    targets: Tensor
    own: Tensor
    wanted: Tensor
    people: Tensor


class ManipulationTrainer:
    """The two networks and their optimisers over the train faces of one snapshot.

    Every epoch's randomness follows from the seed and the epoch alone, so a run that starts again from the
    state after some epoch gives the same weights as one that never stopped.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        crops: np.ndarray,
        sights: Sights,
        guide: Guide,
        config: ManipulationConfig,
        device: torch.device,
    ) -> None:
        """`crops` (F, S, S, 3) uint8 and what the guide sees in all faces. Raises TrainingError."""
        self.config, self.device, self.guide = config, device, guide
        self.sampler = PairSampler(snapshot, config)
        self.epochs = epochs_of(None, config.steps, self.sampler.steps)
        self.steps = self.epochs * self.sampler.steps
        self._crops, self._sights = crops, sights
        self._identity = snapshot.faces.identity
        self._people = sights.people(self._identity, self.sampler.faces)
        self._pairs = held_out_pairs(snapshot, config.pairs, config.seed)
        torch.manual_seed(config.seed)
        build = GeneratorConfig(config.size, config.width, sights.embeddings.shape[-1])
        self.generator = self._placed(Generator(build))
        self.generator.take_units(sights.embeddings[0][torch.from_numpy(self.sampler.faces)].to(device))
        self.discriminator = self._placed(Discriminator(build))
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        self.optimisers = [
            torch.optim.Adam(network.parameters(), betas=(0.5, 0.99))
            for network in (self.generator, self.discriminator)
        ]
        self._half = half_precision(config.precision, device)

    def networks(self) -> dict[str, nn.Module]:
        """All whose state a resumed run takes up, by name."""
        return {
            "generator": self.generator,
            "average": self.average,
            "discriminator": self.discriminator,
        }

    def epoch(self, epoch: int, progress: Progress | None = None) -> EpochResult:
        """Train epoch number `epoch` (from 0); `progress` is told of each step."""
        began = time.monotonic()
        torch.manual_seed(self.config.seed * 1_000_003 + epoch)
        self.generator.train()
        self.discriminator.train()
        found: list[dict[str, float]] = []
        images = 0
        for number, drawn in enumerate(ahead(self._draw(epoch))):
            step = epoch * self.sampler.steps + number
            found.append(self._step(drawn, step))
            images += len(drawn.sources)
            if progress is not None:
                rate = self.optimisers[0].param_groups[0]["lr"]
                progress(step + 1, len(drawn.sources), found[-1]["loss"], rate)
        means = {name: float(np.mean([terms[name] for terms in found])) for name in found[0]}
        return EpochResult(means.pop("loss"), means, images, time.monotonic() - began)

    @torch.no_grad()
    def validate(self) -> dict[str, Any]:
        """How the averaged generator does on held-out pairs, as the guide itself sees it; see measures.py."""
        if not len(self._pairs):
            return {}
        sources, targets = self._pairs.T
        embeddings, identities = self._sights.embeddings[0], self._sights.identities
        made = []
        for rows in np.array_split(np.arange(len(sources)), -(-len(sources) // AT_ONCE)):
            wanted = embeddings[targets[rows]].to(self.device)
            made.append(self.guide(self.average(self._images(sources[rows]), wanted)))
        found = torch.cat([seen.embeddings for seen in made]).cpu()
        people = nn.functional.normalize(torch.cat([seen.identities for seen in made]).cpu())
        expression = closer(found, embeddings[sources], to=embeddings[targets])
        identity = closer(identities[sources], identities[targets], to=people)
        left = (found - embeddings[targets]).norm(dim=1).mean()
        before = (embeddings[sources] - embeddings[targets]).norm(dim=1).mean()
        clusters = self._identity[sources]
        return {
            "split": "val",
            "pairs": len(sources),
            "nearer_to_expression": share(expression, clusters),
            "nearer_to_identity": share(identity, clusters),
            "distance_left": float(left / before),
        }

    def _placed(self, network: Any) -> Any:
        return network.to(self.device).to(memory_format=torch.channels_last)

    def _draw(self, epoch: int) -> Iterator[_Step]:
        rng = np.random.default_rng([self.config.seed, epoch])
        for batch in self.sampler.epoch(rng):
            sources, targets = (take(self._crops, faces, self.device) for faces in batch[:2])
            if batch.mirrored:
                sources, targets = sources.flip(3), targets.flip(3)
            embeddings = self._sights.embeddings[int(batch.mirrored)]
            own, wanted = (embeddings[faces].to(self.device) for faces in batch[:2])
            people = self._people[self._identity[batch.sources]].to(self.device)
            yield _Step(batch, sources, targets, own, wanted, people)

    def _images(self, faces: np.ndarray) -> Tensor:
        return to_input(take(self._crops, faces, self.device))

    def _step(self, drawn: _Step, step: int) -> dict[str, float]:
        for optimiser, faster in zip(self.optimisers, (1, FASTER), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = faster * cosine_rate(self.config.rate, step, self.steps)
        sources, targets = to_input(drawn.sources), to_input(drawn.targets)
        made, terms = self._teach_generator(drawn, sources, targets)
        self._follow(step)
        terms |= self._teach_discriminator(drawn, sources, made.detach())
        # All at once: a GPU is waited for but once a step.
        values = dict(
            zip(terms, torch.stack([term.detach() for term in terms.values()]).tolist(), strict=True)
        )
        if not np.isfinite(list(values.values())).all():
            raise TrainingError(f"a loss is not finite at step {step + 1} ({values}): try a lower --rate")
        return values

    def _teach_generator(
        self, drawn: _Step, sources: Tensor, targets: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        self.discriminator.requires_grad_(False)
        with self._autocast():
            made = self.generator(sources, drawn.wanted)
            terms = self._terms(drawn, sources, targets, made)
        weights = asdict(self.config.weights)
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        self._take_step(self.optimisers[0], loss)
        return made, terms | {"loss": loss}

    def _terms(self, drawn: _Step, sources: Tensor, targets: Tensor, made: Tensor) -> dict[str, Tensor]:
        """The terms of the generator's loss, named as their weights are."""
        wanted = self.generator.standardised(drawn.wanted)
        seen = self.guide(made, changed=True)
        opinion = self.discriminator(made, wanted)
        itself, paired = drawn.batch.itself, slice(drawn.batch.itself, drawn.batch.itself + drawn.batch.pair)
        terms = {
            "adversarial": losses.adversarial_loss(opinion),
            "embedding": losses.embedding_loss(self.generator.standardised(seen.embeddings), wanted),
            "reading": losses.embedding_loss(opinion.reading, wanted),
            "identity": losses.identity_loss(seen.identities, drawn.people),
            "keep": losses.keep_loss(made, sources),
        }
        if itself:
            terms["itself"] = losses.pixel_loss(made[:itself], sources[:itself])
        if drawn.batch.pair:
            with torch.no_grad():
                real = self.discriminator(targets[paired], wanted[paired]).features
            terms["pair"] = losses.pair_loss(opinion.features[paired], real)
        return terms

    def _teach_discriminator(self, drawn: _Step, sources: Tensor, made: Tensor) -> dict[str, Tensor]:
        """Real faces are the sources themselves: what tells them from those made of them is what was done."""
        self.discriminator.requires_grad_(True)
        own, wanted = (self.generator.standardised(given) for given in (drawn.own, drawn.wanted))
        others = slice(drawn.batch.itself, None)
        with self._autocast():
            real, false = self.discriminator(sources, own), self.discriminator(made, wanted)
            mistaken = self.discriminator(sources[others], wanted[others])
            told = losses.discriminator_loss(real, false, mistaken)
            read = losses.embedding_loss(real.reading, own)
        self._take_step(self.optimisers[1], told + read)
        return {"discriminator": told, "reader": read}

    def _take_step(self, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        """The average goes a little way after the generator; further in the first steps."""
        kept = min(self.config.average, (1 + step) / (10 + step))
        for mean, now in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(now, 1 - kept)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._half)
