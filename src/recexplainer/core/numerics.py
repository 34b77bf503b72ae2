"""What the last bits of a number depend on besides data, parameters and seed: instruction sets, kernels, threads.

A sum rounds differently in another order, and the libraries choose the order by the processor, by the number of threads
and, unless told otherwise, by where an array happens to be in memory. See docs/explanation/reproducibility.md.

The libraries read these variables when they load, so this module comes before every other import, and loads none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

# What gcc calls x86-64-v3: the flags of Linux for AVX2 and what comes with it.
AVX2_FLAGS = frozenset({"avx", "avx2", "fma", "f16c", "bmi1", "bmi2", "abm", "movbe"})

ANY_PROCESSOR = {
    # Idle OpenMP threads sleep and do not spin: next to one busy process, spinning makes small models ten times slower.
    "OMP_WAIT_POLICY": "PASSIVE",
    "MKL_CBWR": "AUTO",  # torch's matrix products; unset, they round by the alignment of their arrays
}
# The same kernels on every processor that has AVX2, also where it has more. Forced on one that lacks it, they crash.
WITH_AVX2 = {
    "MKL_CBWR": "AVX2",  # on processors of other makers MKL reads it as AUTO
    "ATEN_CPU_CAPABILITY": "avx2",  # all else in torch
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # GELU in torch; everything in fp32 and no model in bf16 runs on a CPU here
    "OPENBLAS_CORETYPE": "Haswell",  # matrix products of numpy and scipy
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # exponentials and logarithms of numpy
}
INSTEAD = {"NPY_DISABLE_CPU_FEATURES": "NPY_ENABLE_CPU_FEATURES"}  # numpy refuses both


def choose_kernels() -> None:
    """Set what makes equal inputs give equal numbers; what the user has set stays."""
    for name, value in kernel_variables(processor_flags()).items():
        if INSTEAD.get(name, name) not in os.environ:
            os.environ.setdefault(name, value)


def kernel_variables(flags: Iterable[str]) -> dict[str, str]:
    """The variables for a processor with these flags.

    >>> kernel_variables(["sse4_2", "avx"])["MKL_CBWR"]
    'AUTO'
    """
    return ANY_PROCESSOR | (WITH_AVX2 if set(flags) >= AVX2_FLAGS else {})


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The flags of an x86 processor, as Linux names them; none elsewhere."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    found = (line.partition(":")[2].split() for line in lines if line.startswith("flags"))
    return frozenset(next(found, []))


def set_threads(threads: int) -> None:
    """Bound torch and the numeric libraries, loaded or not; OMP_NUM_THREADS, when set, goes before the number given."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    threads = int(wanted) if wanted.isdigit() and int(wanted) > 0 else threads
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, str(threads))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if "numpy" in sys.modules:  # its BLAS read the variables when it loaded
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)
