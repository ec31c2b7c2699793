"""The encoder in PyTorch, for training only: post-norm transformer layers as in BERT
(Devlin et al. 2019), read out below the heads. graph.py builds the same network in
ONNX from the same arrays; a check in train.py holds the two against each other.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

WIDTH = 384
HEADS = 12
INNER = 1536
POSITIONS = 512
EPSILON = 1e-12


DRAWN = 1 << 23  # values: several times the largest state, or scores, of a batch


class Dropout(nn.Module):
    """Dropout by stretches of a mask that is drawn once: drawing anew costs a fifth of a step."""

    def __init__(self, share: float):
        super().__init__()
        kept = (torch.rand(DRAWN) >= share).to(torch.bfloat16) / (1 - share)
        self.register_buffer("kept", kept, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        first = int(torch.randint(DRAWN - x.numel(), ()))
        return x * self.kept[first:first + x.numel()].view_as(x)


class Layer(nn.Module):
    def __init__(self, dropout: Dropout):
        super().__init__()
        self.qkv, self.attended = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.inner, self.outer = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.attention_norm = nn.LayerNorm(WIDTH, EPSILON)
        self.output_norm = nn.LayerNorm(WIDTH, EPSILON)
        self.dropout = dropout

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """x [batch, tokens, width]; bias [batch, 1, 1, tokens], very low where padded."""
        batch, tokens, _ = x.shape
        query, key, value = self.qkv(x).view(batch, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        # By hand: PyTorch's own kernel is slower on the way back.
        scores = query @ key.transpose(2, 3) * (WIDTH // HEADS) ** -0.5 + bias.to(query.dtype)
        mixed = self.dropout(scores.softmax(dim=-1, dtype=query.dtype)) @ value
        mixed = mixed.transpose(1, 2).reshape(batch, tokens, WIDTH)
        x = self.attention_norm(x + self.dropout(self.attended(mixed)))
        return self.output_norm(x + self.dropout(self.outer(F.gelu(self.inner(x)))))


class Encoder(nn.Module):
    def __init__(self, words: int, layers: int, dropout: float):
        super().__init__()
        self.word = nn.Embedding(words, WIDTH)
        self.position = nn.Embedding(POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        drop = Dropout(dropout)
        self.layers = nn.ModuleList(Layer(drop) for _ in range(layers))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        """Hidden states after each layer; ids and mask are [batch, tokens]."""
        x = self.norm(self.word(ids) + self.position.weight[: ids.shape[1]])
        bias = (1.0 - mask.float())[:, None, None, :] * -1e4
        out = []
        for layer in self.layers:
            x = layer(x, bias)
            out.append(x)
        return out


def arrays(encoder: Encoder) -> dict[str, np.ndarray]:
    """Name -> float32 array, matrices as [out, in]."""
    return {k: v.detach().float().numpy() for k, v in encoder.state_dict().items()}
