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


class Layer(nn.Module):
    def __init__(self, dropout: float):
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
        drop = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, bias.to(query.dtype), dropout_p=drop)
        mixed = mixed.transpose(1, 2).reshape(batch, tokens, WIDTH)
        x = self.attention_norm(x + F.dropout(self.attended(mixed), drop))
        return self.output_norm(x + F.dropout(self.outer(F.gelu(self.inner(x))), drop))


class Encoder(nn.Module):
    def __init__(self, words: int, layers: int, dropout: float):
        super().__init__()
        self.word = nn.Embedding(words, WIDTH)
        self.position = nn.Embedding(POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(layers))

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
