"""Bytes to bits and back: the order of bits, and what counts as a bit tensor.

The most significant bit of each byte comes first, everywhere. Bit tensors hold one bit per
element, any number of them; only *packed* tensors and bytes are rounded up to whole bytes, with
zeros in the unused low bits of the last one.
On the CPU this is numpy's ``packbits``, on the tensors' own memory; elsewhere it is shifts.
"""

import numpy as np
import torch
from torch import Tensor

from bit_transformer.errors import BitsError, InputError

__all__ = ["bits_to_bytes", "bytes_to_bits", "check_bits", "pack_bits", "unpack_bits"]

BytesLike = bytes | bytearray | memoryview | np.ndarray
"""What :func:`bytes_to_bits` accepts."""

_CACHED_BITS = 1 << 19
"""Bits checked before they are packed, few enough to be in the cache still."""


def check_bits(
    bits: Tensor, *, name: str = "bits", dims: int | tuple[int, ...] | None = None
) -> Tensor:
    """The same bits as a ``uint8`` tensor that shares their memory.

    Args:
        name: what the message calls the tensor.
        dims: how many dimensions it may have; any number when left out.

    Raises:
        BitsError: not a tensor, not ``uint8`` or ``bool``, other dimensions than asked for, or
            a value other than 0 and 1.
    """
    bits = _check_form(bits, name, dims)
    if bits.numel() and _has_other_values(bits):
        raise _wrong_value(bits, name)
    return bits


def pack_bits(bits: Tensor) -> Tensor:
    """Bits packed eight to a byte along the last dimension.

    Shapes:
        bits: (..., T), ``uint8`` or ``bool``.
        returns: (..., ceil(T / 8)), ``uint8``, on the same device.

    Raises:
        BitsError: the argument is not a bit tensor.

    Example:
        >>> pack_bits(torch.tensor([0, 1, 0, 0, 0, 0, 0, 1, 1], dtype=torch.uint8))
        tensor([ 65, 128], dtype=torch.uint8)
    """
    bits = _check_form(bits, "bits", None)
    if bits.ndim == 0:
        raise BitsError("bits has no dimension to pack; give it one with bits.reshape(1)")
    if bits.device.type != "cpu":
        return _pack_with_shifts(check_bits(bits))
    num_bits = bits.shape[-1]
    if bits.ndim == 1 and bits.is_contiguous():
        return torch.from_numpy(_pack_flat(bits))
    if num_bits % 8 == 0 and bits.is_contiguous():
        return torch.from_numpy(_pack_flat(bits)).view(*bits.shape[:-1], num_bits // 8)
    return torch.from_numpy(np.packbits(check_bits(bits).numpy(), axis=-1))


def unpack_bits(packed: Tensor, num_bits: int | None = None) -> Tensor:
    """The bits of packed bytes, along the last dimension.

    Shapes:
        packed: (..., N), ``uint8``.
        returns: (..., ``num_bits``), ``uint8``, on the same device; all 8 N bits by default.

    Raises:
        BitsError: ``packed`` is not a ``uint8`` tensor with a dimension to unpack.
        InputError: ``num_bits`` is negative or more than 8 N.
    """
    if not isinstance(packed, Tensor) or packed.dtype != torch.uint8 or packed.ndim == 0:
        raise BitsError(
            f"packed bits must be a uint8 tensor of shape (..., N), got {_describe(packed)}"
        )
    available = 8 * packed.shape[-1]
    num_bits = available if num_bits is None else num_bits
    if not 0 <= num_bits <= available:
        raise InputError(
            f"num_bits={num_bits} does not fit {packed.shape[-1]} packed bytes; "
            f"choose 0 to {available}"
        )
    if packed.device.type != "cpu":
        return _unpack_with_shifts(packed)[..., :num_bits]
    return torch.from_numpy(np.unpackbits(packed.numpy(), axis=-1, count=num_bits))


def bytes_to_bits(data: BytesLike) -> Tensor:
    """The bits of ``data``, shape (8 · number of bytes,), ``uint8``.

    Raises:
        InputError: ``data`` is text, or an array of something else than bytes.

    Example:
        >>> bytes_to_bits(b"A").tolist()
        [0, 1, 0, 0, 0, 0, 0, 1]
    """
    return torch.from_numpy(np.unpackbits(_as_byte_array(data)))


def bits_to_bytes(bits: Tensor, *, pad: bool = False) -> bytes:
    """The bytes that a bit tensor of shape (T,) spells.

    Args:
        pad: fill the last byte with zero bits when T is not a multiple of eight.

    Raises:
        BitsError: not a bit tensor of one dimension, or not whole bytes and no ``pad``.
    """
    bits = _check_form(bits, "bits", 1)
    if len(bits) % 8 and not pad:
        raise BitsError(
            f"{len(bits)} bits are not whole bytes; pass pad=True to fill the last byte with "
            "zeros, or cut the bits to a multiple of 8"
        )
    return pack_bits(bits).cpu().numpy().tobytes()


def _check_form(bits: Tensor, name: str, dims: int | tuple[int, ...] | None) -> Tensor:
    """The bits as ``uint8`` after every check but that of their values."""
    if not isinstance(bits, Tensor):
        raise BitsError(
            f"{name} must be a bit tensor, got {_describe(bits)}; make one with bytes_to_bits, "
            "text_to_bits or torch.tensor([0, 1], dtype=torch.uint8)"
        )
    if bits.dtype == torch.bool:
        bits = bits.view(torch.uint8)
    if bits.dtype != torch.uint8:
        advice = (
            "convert logits with (logits > 0)"
            if bits.is_floating_point()
            else f"convert with {name}.to(torch.uint8)"
        )
        raise BitsError(f"{name} must be uint8 or bool, got {bits.dtype}; {advice}")
    allowed = (dims,) if isinstance(dims, int) else dims
    if allowed is not None and bits.ndim not in allowed:
        shapes = " or ".join({0: "()", 1: "(T,)", 2: "(B, T)"}.get(d, f"{d}-d") for d in allowed)
        raise BitsError(f"{name} must have shape {shapes}, got {tuple(bits.shape)}")
    return bits


def _has_other_values(bits: Tensor) -> bool:
    if bits.device.type == "cpu":
        return int(bits.numpy().max()) > 1
    return bool((bits > 1).any())


def _wrong_value(bits: Tensor, name: str) -> BitsError:
    where = (bits > 1).nonzero()[0].tolist()
    value = int(bits[tuple(where)])
    position = where[0] if len(where) == 1 else tuple(where)
    return BitsError(
        f"{name} may hold only 0 and 1, but has {value} at position {position}; "
        "if these are bytes, unpack them with unpack_bits or bytes_to_bits"
    )


def _pack_flat(bits: Tensor) -> np.ndarray:
    """Contiguous bits as one flat array, packed in parts that are checked while cached."""
    flat = bits.view(-1).numpy()
    if len(flat) <= _CACHED_BITS:
        check_bits(bits)
        return np.packbits(flat)
    packed = np.empty(-(-len(flat) // 8), dtype=np.uint8)
    for start in range(0, len(flat), _CACHED_BITS):
        part = flat[start : start + _CACHED_BITS]
        if part.max() > 1:
            raise _wrong_value(bits, "bits")
        packed[start // 8 : (start + len(part) + 7) // 8] = np.packbits(part)
    return packed


def _pack_with_shifts(bits: Tensor) -> Tensor:
    padding = -bits.shape[-1] % 8
    octets = torch.nn.functional.pad(bits, (0, padding)).unflatten(-1, (-1, 8))
    shifts = torch.arange(7, -1, -1, device=bits.device, dtype=torch.uint8)
    return (octets << shifts).sum(-1, dtype=torch.uint8)


def _unpack_with_shifts(packed: Tensor) -> Tensor:
    shifts = torch.arange(7, -1, -1, device=packed.device, dtype=torch.uint8)
    return (packed.unsqueeze(-1) >> shifts & 1).flatten(-2)


def _as_byte_array(data: BytesLike) -> np.ndarray:
    if isinstance(data, str):
        raise InputError("got text where bytes belong; use text_to_bits, or encode it first")
    if isinstance(data, np.ndarray):
        if data.dtype != np.uint8 or data.ndim != 1:
            raise InputError(
                f"an array of bytes must be uint8 of shape (N,), got {data.dtype} of shape "
                f"{data.shape}; convert with array.view(numpy.uint8).ravel()"
            )
        return data
    try:
        view = memoryview(data)
    except TypeError:
        raise InputError(f"got {_describe(data)} where bytes belong") from None
    return np.frombuffer(view if view.contiguous else view.tobytes(), dtype=np.uint8)


def _describe(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a {value.dtype} tensor of shape {tuple(value.shape)}"
    return f"a value of type {type(value).__name__}"
