# SPDX-License-Identifier: Apache-2.0
"""Runs transformers in double precision throughout.

transformers casts to float32 inside norms, softmax, rotary tables and the loss, whatever the dtype of the model, so a
model in double still carries single-precision noise. `lifted()` replaces every float32 request by float64 while it is
active; `no_fp32()` proves that nothing slipped through.
"""
import contextlib

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map


class _Lift(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.float:
            return args[0].double()
        lift = lambda value: torch.float64 if value is torch.float32 else value
        return func(*tree_map(lift, args), **tree_map(lift, kwargs or {}))


class _NoFp32(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor) and leaf.dtype == torch.float32 and leaf.numel() > 0:
                raise AssertionError(f"{func} returned float32 in a run that must be float64 throughout")
        return out


@contextlib.contextmanager
def lifted():
    """Within this block float32 means float64, and the default dtype is float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Lift():
            yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def no_fp32():
    """Raises AssertionError as soon as any operation, forward or backward, returns a float32 tensor."""
    with _NoFp32():
        yield
