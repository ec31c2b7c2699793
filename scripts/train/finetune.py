"""Fine-tunes the fp32 encoder together with the head, starting from a trained head.

A head fitted first keeps the encoder from being pulled about by a random one
(Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features"). Embeddings are
frozen: most of the vocabulary does not occur in the training rows. Checkpoints make
an interrupted run go on where it stopped, with the same result.
"""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F

import data
import encoder as bert
import phrases
import pooling


@dataclass(frozen=True)
class Plan:
    epochs: int = 3
    batch: int = 32
    window: int = 64  # tokens of text; longer rows give a random stretch half of the time
    framing: float = 0.3  # share of rows that get an opening or a closing phrase, or both
    frozen: int = 1  # layers before this one stay as published
    dropout: float = 0.1
    rate: float = 6e-5  # peak learning rate of the encoder
    head_rate: float = 2e-4
    decay: float = 0.01
    warmup: float = 0.06
    smoothing: float = 0.05
    average: float = 0.998  # per step, of the weights that are kept
    threads: int = 2
    save_every: int = 50
    seed: int = 20240607


class Classifier(nn.Module):
    """Encoder, the pooling of pooling.py, and a linear head."""

    def __init__(self, encoder: bert.Encoder, weight: np.ndarray, bias: np.ndarray):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(*weight.shape)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(weight.T))
            self.head.bias.copy_(torch.from_numpy(bias))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden = [h.float() for h in self.encoder(ids, mask)]
        keep = mask.float()[:, :, None]
        count = keep.sum(dim=1)

        def mean(h: torch.Tensor) -> torch.Tensor:
            return (h * keep).sum(dim=1) / count

        last = hidden[-1]
        parts = [mean(last), (last + (1 - keep) * -1e4).amax(dim=1), last[:, 0]]
        parts += [mean(hidden[n]) for n in pooling.MID_LAYERS]
        with torch.autocast("cpu", enabled=False):
            return self.head(torch.cat(parts, dim=1))


class Batches:
    """Token batches of similar length, in an order that the seed and epoch decide."""

    def __init__(self, tokenizer: Tokenizer, rows: data.Rows, plan: Plan):
        def encode(texts) -> list[list[int]]:
            return [e.ids for e in tokenizer.encode_batch(list(texts), add_special_tokens=False)]

        self.plan, self.rows = plan, rows
        self.tokens = encode(rows.text)
        self.openings, self.closings = encode(phrases.OPENINGS), encode(phrases.CLOSINGS)
        self.cls, self.sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
        self.weight = data.weights(rows)

    def __len__(self) -> int:
        return math.ceil(len(self.tokens) / self.plan.batch)

    def epoch(self, number: int):
        """Yields ids, mask, labels, weights."""
        p = self.plan
        random = np.random.default_rng((p.seed, number))
        cut = [self._stretch(t, random) for t in self.tokens]
        # Noise keeps neighbours changing from epoch to epoch.
        length = np.array([len(t) for t in cut]) * random.uniform(0.85, 1.15, len(cut))
        order = np.argsort(length, kind="stable")
        groups = [order[i:i + p.batch] for i in range(0, len(order), p.batch)]
        for g in random.permutation(len(groups)):
            yield self._tensors([cut[i] for i in groups[g]], groups[g])

    def _stretch(self, tokens: list[int], random: np.random.Generator) -> list[int]:
        opening, closing = [], []
        if random.random() < self.plan.framing:
            which = random.integers(3)
            if which != 0:
                opening = self.openings[random.integers(len(self.openings))]
            if which != 1:
                closing = self.closings[random.integers(len(self.closings))]
        room = self.plan.window - len(opening) - len(closing)
        spare = len(tokens) - room
        start = int(random.integers(spare + 1)) if spare > 0 and random.random() < 0.5 else 0
        return [*opening, *tokens[start:start + room], *closing]

    def _tensors(self, texts: list[list[int]], index: np.ndarray):
        # Few distinct shapes: the matrix library compiles a kernel for each.
        width = -(-(max(len(t) for t in texts) + 2) // 8) * 8
        ids = torch.zeros(len(texts), width, dtype=torch.long)
        mask = torch.zeros(len(texts), width, dtype=torch.long)
        for i, t in enumerate(texts):
            ids[i, :len(t) + 2] = torch.tensor([self.cls, *t, self.sep])
            mask[i, :len(t) + 2] = 1
        return (ids, mask, torch.from_numpy(self.rows.label[index]),
                torch.from_numpy(self.weight[index]).float())


def _optimizer(model: Classifier, plan: Plan) -> torch.optim.Optimizer:
    live = [p for p in model.encoder.parameters() if p.requires_grad]
    return torch.optim.AdamW([
        {"params": [p for p in live if p.ndim > 1], "peak": plan.rate, "weight_decay": plan.decay},
        {"params": [p for p in live if p.ndim == 1], "peak": plan.rate, "weight_decay": 0.0},
        {"params": list(model.head.parameters()), "peak": plan.head_rate, "weight_decay": plan.decay},
    ], lr=plan.rate)


def _rate(step: int, total: int, plan: Plan) -> float:
    """Share of the peak rate: linear warm-up, then half a cosine down to 0."""
    warm = max(1, int(total * plan.warmup))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


class Trainer:
    """Model, optimiser and the running average of the weights; what a checkpoint holds."""

    def __init__(self, model: Classifier, batches: Batches, plan: Plan, checkpoint: Path):
        self.model, self.batches, self.plan, self.checkpoint = model, batches, plan, checkpoint
        self.optimizer = _optimizer(model, plan)
        self.kept = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.total, self.done = plan.epochs * len(batches), 0

    def resume(self) -> None:
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=False)
        if state["plan"] != self.plan or state["total"] != self.total:
            raise SystemExit(f"{self.checkpoint} is of another plan or other rows: delete it")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.kept, self.done = state["kept"], state["done"]
        torch.set_rng_state(state["random"])
        print(f"finetune: goes on at step {self.done}/{self.total}", flush=True)

    def save(self) -> None:
        part = self.checkpoint.with_suffix(".part")
        torch.save({
            "plan": self.plan, "total": self.total, "done": self.done,
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
            "kept": self.kept, "random": torch.get_rng_state(),
        }, part)
        os.replace(part, self.checkpoint)

    def run(self) -> None:
        """Trains to the end and leaves the averaged weights in the model."""
        self.model.train()
        began, losses = time.monotonic(), []
        for epoch in range(self.done // len(self.batches), self.plan.epochs):
            for n, batch in enumerate(self.batches.epoch(epoch)):
                if epoch * len(self.batches) + n < self.done:
                    continue
                losses.append(self._step(*batch))
                if self.done % self.plan.save_every == 0 or self.done == self.total:
                    print(f"finetune: step {self.done}/{self.total} loss {np.mean(losses):.4f} "
                          f"{time.monotonic() - began:.0f} s, CPU {time.process_time():.0f} s", flush=True)
                    losses.clear()
                    self.save()
        self.model.load_state_dict(self.kept)

    def _step(self, ids, mask, label, weight) -> float:
        share = _rate(self.done, self.total, self.plan)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * share
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.model(ids, mask)
        loss = F.cross_entropy(logits, label, reduction="none", label_smoothing=self.plan.smoothing)
        loss = (loss * weight).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.done += 1
        # Early on the average follows quickly: the starting weights are no good answer.
        pace = min(self.plan.average, (self.done + 1) / (self.done + 10))
        with torch.no_grad():
            for k, v in self.model.state_dict().items():
                self.kept[k].lerp_(v, 1 - pace)
        return loss.item()


def run(graph: onnx.ModelProto, tokenizer: str, rows: data.Rows, start: tuple[np.ndarray, np.ndarray],
        plan: Plan, checkpoint: Path) -> tuple[onnx.ModelProto, tuple[np.ndarray, np.ndarray]]:
    """Returns the graph with tuned weights, and the head as (weight, bias)."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    model = Classifier(bert.load(graph, plan.dropout), *start)
    model.encoder.freeze(plan.frozen)
    batches = Batches(Tokenizer.from_str(tokenizer), rows, plan)
    trainer = Trainer(model, batches, plan, checkpoint)
    trainer.resume()
    trainer.run()
    weight, bias = (p.detach().numpy() for p in (model.head.weight, model.head.bias))
    return bert.store(graph, model.encoder), (weight.T.copy(), bias.copy())
