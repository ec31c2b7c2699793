"""Trains encoder and heads together, a step of one task at a time.

Embeddings and the lowest layer stay as they begin, as published: most of the vocabulary and of its
languages do not occur in the training rows. Checkpoints make an interrupted run go on
where it stopped; its batches differ from those of an uninterrupted one.
"""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F

from batches import Batches, Task
from network import TOKEN_HEAD, Network


@dataclass(frozen=True)
class Plan:
    steps: int
    frozen: int = 1  # layers before this one stay as published
    rate: float = 1e-4  # peak learning rate of the encoder
    head_rate: float = 1e-3
    count_rate: float = 3e-3
    decay: float = 0.01
    count_decay: float = 0.1
    warmup: float = 0.04
    average: float = 0.998  # per step, of the weights that are kept
    threads: int = 2
    save_every: int = 200
    seed: int = 20240607


class Trainer:
    """Network, optimiser and the running average of the weights: what a checkpoint holds."""

    def __init__(self, network: Network, tasks: list[Task], tokenizer: Tokenizer, plan: Plan, checkpoint: Path):
        self.network, self.tasks, self.plan, self.checkpoint = network, tasks, plan, checkpoint
        self.tokenizer, self.done, self.losses = tokenizer, 0, {t.head: [] for t in tasks}
        for part in (network.encoder.word, network.encoder.position, network.encoder.norm,
                     *network.encoder.layers[:plan.frozen]):
            part.requires_grad_(False)
        self.live = {k: p for k, p in network.named_parameters() if p.requires_grad}
        self.kept = {k: p.detach().clone() for k, p in self.live.items()}
        self.optimizer = self._optimizer()

    def _optimizer(self) -> torch.optim.Optimizer:
        groups: dict[tuple[float, float], list] = {}
        plan = self.plan
        for name, p in self.live.items():
            decay = plan.decay if p.ndim > 1 else 0.0
            key = (plan.count_rate, plan.count_decay) if name.startswith("counts.") else \
                (plan.head_rate if name.startswith("heads.") else plan.rate, decay)
            groups.setdefault(key, []).append(p)
        return torch.optim.AdamW([
            {"params": ps, "peak": peak, "weight_decay": decay} for (peak, decay), ps in groups.items()
        ], lr=self.plan.rate, fused=True)

    def resume(self) -> None:
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=False)
        if state["plan"] != self.plan:
            raise SystemExit(f"{self.checkpoint} is of another plan: delete it")
        self._write(state["live"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.kept, self.done = state["kept"], state["done"]
        print(f"finetune: goes on at step {self.done}/{self.plan.steps}", flush=True)

    def save(self) -> None:
        part = self.checkpoint.with_suffix(".part")
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"plan": self.plan, "done": self.done, "live": {k: p.detach() for k, p in self.live.items()},
                    "optimizer": self.optimizer.state_dict(), "kept": self.kept}, part)
        os.replace(part, self.checkpoint)

    def _write(self, values: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for k, p in self.live.items():
                p.copy_(values[k])

    def run(self) -> None:
        """Trains to the end and leaves the averaged weights in the network."""
        self.network.train()
        random = np.random.default_rng((self.plan.seed, self.done))
        share = np.array([t.share for t in self.tasks])
        sources = [Batches(t, self.tokenizer, self.plan.seed + self.done).passes() for t in self.tasks]
        began = time.monotonic()
        while self.done < self.plan.steps:
            n = int(random.choice(len(self.tasks), p=share / share.sum()))
            self._step(self.tasks[n], *next(sources[n]))
            if self.done % self.plan.save_every == 0 or self.done == self.plan.steps:
                told = " ".join(f"{k} {np.mean(v):.4f}" for k, v in self.losses.items() if v)
                print(f"finetune: step {self.done}/{self.plan.steps} {told} {time.monotonic() - began:.0f} s", flush=True)
                self.losses = {k: [] for k in self.losses}
                self.save()
        self._write(self.kept)
        self.network.eval()

    def _pace(self) -> float:
        """Share of the peak rate: linear warm-up, then half a cosine down to 0."""
        total, warm = self.plan.steps, max(1, int(self.plan.steps * self.plan.warmup))
        if self.done < warm:
            return (self.done + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (self.done - warm) / max(1, total - warm)))

    def _step(self, task: Task, ids, mask, label, weight) -> None:
        pace = self._pace()
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * pace
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.network(ids, mask, task.head)
        loss = self._loss(task, logits, label, weight)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(list(self.live.values()), 1.0)
        self.optimizer.step()
        self.done += 1
        self.losses[task.head].append(loss.item())
        # Early on the average follows quickly: the starting weights are no good answer.
        keep = min(self.plan.average, (self.done + 1) / (self.done + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.kept.values()), [p.detach() for p in self.live.values()], 1 - keep)

    def _loss(self, task: Task, logits: torch.Tensor, label: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        if task.head == TOKEN_HEAD:
            each = F.cross_entropy(logits.transpose(1, 2), label, ignore_index=-100, reduction="none")
            counted = (label >= 0).sum(dim=1).clamp(min=1)
            return (each.sum(dim=1) / counted * weight).mean()
        each = F.cross_entropy(logits, label, reduction="none", label_smoothing=task.smoothing)
        return (each * weight).mean()
