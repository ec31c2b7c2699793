"""The MiniLM encoder in PyTorch, for fine-tuning only.

Weights come from an fp32 ONNX graph and go back into the same graph, so there is
no exporter between training and serving, and the tests of one graph hold for all.
"""

import copy
import math

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

LAYERS = 6
HEADS = 12
WIDTH = 384
INNER = 1536
EPSILON = 1e-12


class Layer(nn.Module):
    """One post-norm transformer layer as in BERT (Devlin et al. 2019)."""

    def __init__(self, dropout: float):
        super().__init__()
        self.query, self.key, self.value, self.attended = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.inner, self.outer = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.attention_norm = nn.LayerNorm(WIDTH, EPSILON)
        self.output_norm = nn.LayerNorm(WIDTH, EPSILON)
        self.dropout = dropout

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """x [batch, tokens, width]; bias [batch, 1, 1, tokens], very low where padded."""
        batch, tokens, _ = x.shape

        def heads(linear: nn.Linear) -> torch.Tensor:
            return linear(x).view(batch, tokens, HEADS, WIDTH // HEADS).transpose(1, 2)

        drop = self.dropout if self.training else 0.0
        scores = heads(self.query) @ heads(self.key).transpose(2, 3) / math.sqrt(WIDTH // HEADS)
        share = F.dropout(torch.softmax(scores + bias, dim=-1), drop)
        mixed = (share @ heads(self.value)).transpose(1, 2).reshape(batch, tokens, WIDTH)
        x = self.attention_norm(x + F.dropout(self.attended(mixed), drop))
        return self.output_norm(x + F.dropout(self.outer(F.gelu(self.inner(x))), drop))


class Encoder(nn.Module):
    def __init__(self, dropout: float):
        super().__init__()
        self.word = nn.Embedding(30522, WIDTH)
        self.position = nn.Embedding(512, WIDTH)
        self.kind = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(LAYERS))

    def freeze(self, below: int) -> None:
        """Keeps embeddings and the layers before number `below` as they are."""
        for part in (self.word, self.position, self.kind, self.norm, *self.layers[:below]):
            part.requires_grad_(False)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        """Hidden states after each layer; ids and mask are [batch, tokens]."""
        place = torch.arange(ids.shape[1])
        x = self.norm(self.word(ids) + self.position(place) + self.kind.weight[0])
        bias = (1.0 - mask.float())[:, None, None, :] * -1e4
        out = []
        for layer in self.layers:
            x = layer(x, bias)
            out.append(x)
        return out


def _onnx_names(model: onnx.ModelProto) -> dict[str, tuple[str, bool]]:
    """Parameter name here -> (initializer name, stored transposed). The exporter gave
    weight matrices anonymous names; the nodes that use them are named by place."""
    names = {
        "word.weight": ("embeddings.word_embeddings.weight", False),
        "position.weight": ("embeddings.position_embeddings.weight", False),
        "kind.weight": ("embeddings.token_type_embeddings.weight", False),
        "norm.weight": ("embeddings.LayerNorm.weight", False),
        "norm.bias": ("embeddings.LayerNorm.bias", False),
    }
    linear = {
        "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
        "attended": "attention.output.dense", "inner": "intermediate.dense", "outer": "output.dense",
    }
    norm = {"attention_norm": "attention.output.LayerNorm", "output_norm": "output.LayerNorm"}
    used = {n.name: n.input[1] for n in model.graph.node if n.op_type == "MatMul"}
    for i in range(LAYERS):
        for here, there in linear.items():
            node = f"/encoder/layer.{i}/{there.replace('.', '/')}/MatMul"
            names[f"layers.{i}.{here}.weight"] = (used[node], True)
            names[f"layers.{i}.{here}.bias"] = (f"encoder.layer.{i}.{there}.bias", False)
        for here, there in norm.items():
            for part in ("weight", "bias"):
                names[f"layers.{i}.{here}.{part}"] = (f"encoder.layer.{i}.{there}.{part}", False)
    return names


def load(model: onnx.ModelProto, dropout: float) -> Encoder:
    encoder = Encoder(dropout)
    stored = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    state = {}
    for here, (there, transposed) in _onnx_names(model).items():
        value = stored[there].T if transposed else stored[there]
        state[here] = torch.from_numpy(np.array(value))
    encoder.load_state_dict(state)
    return encoder


def store(model: onnx.ModelProto, encoder: Encoder) -> onnx.ModelProto:
    """A copy of the graph with the encoder's weights."""
    out = copy.deepcopy(model)
    state = encoder.state_dict()
    values = {}
    for here, (there, transposed) in _onnx_names(model).items():
        value = state[here].float().numpy()
        values[there] = np.ascontiguousarray(value.T if transposed else value)
    for initializer in out.graph.initializer:
        if initializer.name in values:
            initializer.CopyFrom(numpy_helper.from_array(values[initializer.name], initializer.name))
    return out
