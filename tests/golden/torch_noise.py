"""Dropout and noise with the numbers of src/mlp/noise.h, for torch_net.py.

Philox is written from its paper, in NumPy; what is made of its words is PyTorch's, so that the
gradient is autograd's.
"""
import math

import numpy as np
import torch

DROPOUT, NOISE = 3, 5      # streams
INPUT = 0xFFFFFFFF         # the "layer" of the input
LOW = np.uint64(0xFFFFFFFF)
SELU_LIMIT = -1.7580993408473766


def philox(counter, key):
    """counter: 4 arrays of uint64 below 2^32; -> 4 such arrays"""
    c, k = [np.asarray(x, dtype=np.uint64) for x in counter], list(key)
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), b & LOW,
             (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), a & LOW]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


assert [int(w) for w in philox([0, 0, 0, 0], [0, 0])] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C,
                                                          0x9B00DBD8]


def words(moment, stream, layer, n):
    """The first n words of (seed, epoch, step, layer) in that stream."""
    seed, epoch, step = moment
    key = [int(w) for w in philox([stream, 0, 0, 0], [seed & 0xFFFFFFFF, seed >> 32])[:2]]
    blocks = np.arange((n + 3) // 4, dtype=np.uint64)
    same = np.ones_like(blocks)
    c = [np.uint64(x) * same for x in (epoch, step, layer)] + [blocks]
    return np.stack(philox(c, key), 1).reshape(-1)[:n]


def normals(w):
    """Box-Muller of words 0 and 1, 2 and 3, ... by their upper 23 bits."""
    u = ((w >> np.uint64(9)).astype(float) + 0.5) / 2**23
    radius, angle = np.sqrt(-2 * np.log(u[0::2])), 2 * math.pi * u[1::2]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)


def disturb(h, noise, dropout, alpha, moment, layer):
    """h (rows, columns): noise of that deviation, then dropout (alpha dropout)."""
    n = h.numel()
    if noise:
        g = normals(words(moment, NOISE, layer, n + -n % 4))[:n]
        h = h + noise * torch.tensor(g).reshape(h.shape)
    if dropout:
        drop = words(moment, DROPOUT, layer, n).astype(float) < dropout * 2**32
        drop = torch.tensor(drop).reshape(h.shape)
        if alpha:
            keep = 1 - dropout
            a = 1 / math.sqrt(keep + SELU_LIMIT**2 * keep * dropout)
            h = a * torch.where(drop, SELU_LIMIT, h) - a * dropout * SELU_LIMIT
        else:
            h = torch.where(drop, 0, h) / (1 - dropout)
    return h
