"""The engine's operations on numpy arrays, without a model: rorqual.h, "operations on plain arrays". Need numpy.

Arrays are float32 [rows, columns] unless it says otherwise. An input whose rows are contiguous is used where it lies, rows any distance
apart; any other is copied first. Results are new arrays. Weights may be float32, float16, or bfloat16 as uint16 with the same bits.
Raises InvalidArgument naming the operand, before anything is computed.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from . import _declarations as c
from ._library import call, new
from .errors import InvalidArgument

if TYPE_CHECKING:
    from numpy import float32, int32
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[float32]

FORMS = {"automatic": c.RQ_ATTENTION_AUTOMATIC, "naive": c.RQ_ATTENTION_NAIVE, "absorbed": c.RQ_ATTENTION_ABSORBED}
SCORING = {"softmax": c.RQ_SCORING_SOFTMAX, "sigmoid": c.RQ_SCORING_SIGMOID, "sqrt_softplus": c.RQ_SCORING_SQRT_SOFTPLUS}
GROUP_SCORES = {"maximum": c.RQ_GROUP_SCORE_MAXIMUM, "top_two_sum": c.RQ_GROUP_SCORE_TOP_TWO_SUM}
PAIRS = {"adjacent": c.RQ_ROPE_ADJACENT, "halves": c.RQ_ROPE_HALVES}


def _code(name: str, value: str, known: dict[str, int]) -> int:
    if value not in known:
        raise InvalidArgument(f"{name}: expected one of {', '.join(known)}, not {value!r}")
    return known[value]


def _rows(name: str, value: ArrayLike, columns: int | None = None, rows: int | None = None) -> tuple[Floats, int]:
    """A float32 matrix whose rows are contiguous, and the distance of its rows in elements."""
    import numpy

    array = numpy.asarray(value, dtype=numpy.float32)
    if array.ndim != 2:
        raise InvalidArgument(f"{name}: expected 2 dimensions, not {array.ndim}")
    if (columns is not None and array.shape[1] != columns) or (rows is not None and array.shape[0] < rows):
        raise InvalidArgument(f"{name}: expected [{rows or 'any'}, {columns or 'any'}], not {list(array.shape)}")
    step, row_step = array.strides[1], array.strides[0]
    if (array.shape[1] > 1 and step != 4) or row_step % 4 or (array.shape[0] > 1 and row_step < 4 * array.shape[1]):
        array = numpy.ascontiguousarray(array)
    stride = array.strides[0] // 4 if array.shape[0] > 1 else array.shape[1]
    return array, stride


def _vector(name: str, value: ArrayLike, length: int) -> Floats:
    import numpy

    array = numpy.ascontiguousarray(value, dtype=numpy.float32)
    if array.shape != (length,):
        raise InvalidArgument(f"{name}: expected [{length}], not {list(array.shape)}")
    return array


def _weights(name: str, value: ArrayLike, columns: int) -> tuple[Any, int]:
    """[any, columns] in one of the types that weights may have, rows adjacent, and its RQ_DTYPE_*."""
    import numpy

    array = numpy.ascontiguousarray(value)
    if array.dtype == numpy.float64:
        array = array.astype(numpy.float32)
    codes = {"float32": c.RQ_DTYPE_F32, "float16": c.RQ_DTYPE_F16, "uint16": c.RQ_DTYPE_BF16, "bfloat16": c.RQ_DTYPE_BF16}
    if array.dtype.name not in codes:
        raise InvalidArgument(f"{name}: expected float32, float16 or bfloat16 (as uint16), not {array.dtype.name}")
    if array.ndim != 2 or array.shape[1] != columns:
        raise InvalidArgument(f"{name}: expected [any, {columns}], not {list(array.shape)}")
    return array, codes[array.dtype.name]


def _empty(rows: int, columns: int) -> Floats:
    import numpy

    return numpy.empty((rows, columns), dtype=numpy.float32)


def matmul(x: ArrayLike, w: ArrayLike) -> Floats:
    """y[t,n] = sum over k of x[t,k] * w[n,k], sums in f32.   x [T, K], w [N, K] -> [T, N]"""
    xs, x_stride = _rows("x", x)
    ws, dtype = _weights("w", w, xs.shape[1])
    y = _empty(xs.shape[0], ws.shape[0])
    args = new(
        c.rq_matmul_args,
        w_dtype=dtype,
        tokens=xs.shape[0],
        inputs=xs.shape[1],
        outputs=ws.shape[0],
        x_stride=x_stride,
        w=ws.ctypes.data,
        x=xs.ctypes.data,
        y=y.ctypes.data,
    )
    call("rq_matmul", ctypes.byref(args))
    return y


def latent_attention(
    q: ArrayLike,
    c_kv: ArrayLike,
    k_pe: ArrayLike,
    w_kv_b: ArrayLike,
    *,
    heads: int,
    qk_nope_head_dim: int,
    v_head_dim: int,
    first: int = 0,
    softmax_scale: float = 0.0,
    form: str = "automatic",
) -> Floats:
    """Causal multi-head latent attention (DeepSeek-V2 paper, section 2.1) of T queries at positions first ... first + T - 1.

    q       [T, heads * (qk_nope_head_dim + qk_rope_head_dim)]: per head first the part without position, then the rotated part
    c_kv    [first + T, kv_lora_rank]: latents after their norm, of the cached tokens and the new ones
    k_pe    [first + T, qk_rope_head_dim]: rope keys after rotation, shared by all heads
    w_kv_b  [heads * (qk_nope_head_dim + v_head_dim), kv_lora_rank]: per head the rows that make keys, then those that make values
    form    "naive" expands keys and values of every cached token, "absorbed" attends to the latent itself: equal to rounding
    -> [T, heads * v_head_dim]
    """
    queries, q_stride = _rows("q", q)
    tokens = first + queries.shape[0]
    latents, c_kv_stride = _rows("c_kv", c_kv, rows=tokens)
    keys, k_pe_stride = _rows("k_pe", k_pe, rows=tokens)
    weights, dtype = _weights("w_kv_b", w_kv_b, latents.shape[1])
    if queries.shape[1] != heads * (qk_nope_head_dim + keys.shape[1]):
        raise InvalidArgument(
            f"q: expected {heads * (qk_nope_head_dim + keys.shape[1])} columns (heads and both parts), not {queries.shape[1]}"
        )
    if weights.shape[0] != heads * (qk_nope_head_dim + v_head_dim):
        raise InvalidArgument(f"w_kv_b: expected {heads * (qk_nope_head_dim + v_head_dim)} rows, not {weights.shape[0]}")
    out = _empty(queries.shape[0], heads * v_head_dim)
    args = new(
        c.rq_latent_attention_args,
        form=_code("form", form, FORMS),
        w_dtype=dtype,
        softmax_scale=softmax_scale,
        heads=heads,
        kv_lora_rank=latents.shape[1],
        qk_nope_head_dim=qk_nope_head_dim,
        qk_rope_head_dim=keys.shape[1],
        v_head_dim=v_head_dim,
        queries=queries.shape[0],
        first=first,
        q_stride=q_stride,
        c_kv_stride=c_kv_stride,
        k_pe_stride=k_pe_stride,
        q=queries.ctypes.data,
        c_kv=latents.ctypes.data,
        k_pe=keys.ctypes.data,
        w_kv_b=weights.ctypes.data,
        out=out.ctypes.data,
    )
    call("rq_latent_attention", ctypes.byref(args))
    return out


def route(
    logits: ArrayLike,
    experts_per_token: int,
    *,
    scoring: str = "softmax",
    bias: ArrayLike | None = None,
    groups: int = 0,
    groups_kept: int = 0,
    group_score: str = "maximum",
    normalise: bool = False,
    scale: float = 1.0,
) -> tuple[NDArray[int32], Floats]:
    """Which experts each token goes to, and with what weights (DeepSeek-V2 eq. 20-22, DeepSeek-V3 eq. 12-16).

    logits [T, experts] -> ids int32 [T, experts_per_token] by descending selection score, weights alike.
    bias   [experts], added to the scores for choosing only. scoring: "softmax" (V2), "sigmoid" (V3), "sqrt_softplus".
    """
    import numpy

    rows, stride = _rows("logits", logits)
    added = None if bias is None else _vector("bias", bias, rows.shape[1])
    if experts_per_token < 0:
        raise InvalidArgument(f"experts_per_token: {experts_per_token} is out of range")
    ids = numpy.empty((rows.shape[0], experts_per_token), dtype=numpy.int32)
    weights = _empty(rows.shape[0], experts_per_token)
    args = new(
        c.rq_route_args,
        scoring=_code("scoring", scoring, SCORING),
        group_score=_code("group_score", group_score, GROUP_SCORES),
        normalise=normalise,
        scale=scale,
        tokens=rows.shape[0],
        experts=rows.shape[1],
        experts_per_token=experts_per_token,
        groups=groups,
        groups_kept=groups_kept,
        logits_stride=stride,
        logits=rows.ctypes.data,
        bias=None if added is None else added.ctypes.data,
        ids=ids.ctypes.data,
        weights=weights.ctypes.data,
    )
    call("rq_route", ctypes.byref(args))
    return ids, weights


def rms_norm(x: ArrayLike, weight: ArrayLike, *, eps: float = 1e-6) -> Floats:
    """y[t,i] = x[t,i] / sqrt(mean over i of x[t,i]^2 + eps) * weight[i].   x [T, N], weight [N] -> [T, N]"""
    rows, stride = _rows("x", x)
    scales = _vector("weight", weight, rows.shape[1])
    y = _empty(*rows.shape)
    call("rq_rms_norm", rows.ctypes.data, stride, scales.ctypes.data, eps, *rows.shape, y.ctypes.data, 0)
    return y


def softmax(x: ArrayLike) -> Floats:
    """Each row becomes exp(x - max) / sum of exp(x - max).   [T, N] -> [T, N]"""
    y: Floats = _rows("x", x)[0].copy(order="C")
    call("rq_softmax", y.ctypes.data, *y.shape, 0)
    return y


def swiglu(gate: ArrayLike, up: ArrayLike) -> Floats:
    """silu(gate) * up, element by element, silu(z) = z / (1 + e^-z).   both [T, N] -> [T, N]"""
    gates, gate_stride = _rows("gate", gate)
    ups, up_stride = _rows("up", up)
    if gates.shape != ups.shape:
        raise InvalidArgument(f"up: expected {list(gates.shape)} as gate, not {list(ups.shape)}")
    y = _empty(*gates.shape)
    call("rq_swiglu", gates.ctypes.data, gate_stride, ups.ctypes.data, up_stride, *gates.shape, y.ctypes.data, 0)
    return y


def rope(
    x: ArrayLike,
    *,
    heads: int = 1,
    first: int = 0,
    dim: int | None = None,
    offset: int = 0,
    pairs: str = "adjacent",
    base: float = 10000.0,
    factor: float = 1.0,
    original_positions: float = 4096.0,
    beta_fast: float = 32.0,
    beta_slow: float = 1.0,
    mscale: float = 0.0,
    mscale_all_dim: float = 0.0,
) -> Floats:
    """Rotary position embedding of rows at positions first, first + 1 ..., with YaRN scaling as DeepSeek uses it.

    x       [T, heads * head width]; of each head the `dim` elements from `offset` on are rotated (None: all behind it)
    pairs   "adjacent": elements 2i and 2i + 1; "halves": i and i + dim / 2
    -> [T, heads * head width]
    """
    y: Floats = _rows("x", x)[0].copy(order="C")
    if heads < 1 or y.shape[1] % heads:
        raise InvalidArgument(f"heads: {y.shape[1]} columns are no multiple of {heads}")
    width = y.shape[1] // heads
    args = new(
        c.rq_rope_args,
        pairs=_code("pairs", pairs, PAIRS),
        tokens=y.shape[0],
        first=first,
        heads=heads,
        dim=width - offset if dim is None else dim,
        head_stride=width,
        offset=offset,
        base=base,
        factor=factor,
        original_positions=original_positions,
        beta_fast=beta_fast,
        beta_slow=beta_slow,
        mscale=mscale,
        mscale_all_dim=mscale_all_dim,
        x=y.ctypes.data,
    )
    call("rq_rope", ctypes.byref(args))
    return y
