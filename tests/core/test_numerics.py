from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recexplainer.core import numerics
from recexplainer.core.numerics import ANY_PROCESSOR, AVX2_FLAGS, WITH_AVX2
from tests.conftest import REPOSITORY

HAS_AVX2 = numerics.processor_flags() >= AVX2_FLAGS


def numbers(**given: str) -> dict[str, Any]:
    """What tests/numbers.py prints in a process whose user has set these variables alone."""
    kept = {name: value for name, value in os.environ.items() if name not in ANY_PROCESSOR | WITH_AVX2}
    path = {"PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}"}
    command = [sys.executable, "-m", "tests.numbers"]
    done = subprocess.run(command, env=kept | path | given, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_equal_matrices_have_equal_products_wherever_they_lie() -> None:
    found = numbers()
    assert found["products by place"] == 0
    if HAS_AVX2:
        assert (found["torch"], found["openblas"], found["numpy beyond AVX2"]) == ("AVX2", ["Haswell"], [])


@pytest.mark.slow
@pytest.mark.skipif(not HAS_AVX2, reason="needs a processor with AVX2")
def test_kernels_that_the_user_has_chosen_stay() -> None:
    found = numbers(ATEN_CPU_CAPABILITY="default", NPY_ENABLE_CPU_FEATURES="X86_V3", OPENBLAS_CORETYPE="Nehalem")
    assert (found["torch"], found["openblas"], found["numpy beyond AVX2"]) == ("DEFAULT", ["Nehalem"], [])


def test_what_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ANY_PROCESSOR, *WITH_AVX2):
        monkeypatch.setenv(name, "mine")
    numerics.choose_kernels()
    assert {os.environ[name] for name in (*ANY_PROCESSOR, *WITH_AVX2)} == {"mine"}


@pytest.mark.parametrize("lacking", sorted(AVX2_FLAGS))
def test_a_processor_that_lacks_a_part_of_avx2_is_not_made_to_use_it(lacking: str, tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    for flags, expected in (
        (AVX2_FLAGS | {"avx512f"}, ANY_PROCESSOR | WITH_AVX2),
        (AVX2_FLAGS - {lacking}, {"OMP_WAIT_POLICY": "PASSIVE", "MKL_CBWR": "AUTO"}),
    ):
        cpuinfo.write_text(f"processor\t: 0\nvendor_id\t: Any\nflags\t\t: fpu {' '.join(flags)}\nbugs\t\t: avx2\n\n")
        assert numerics.kernel_variables(numerics.processor_flags(cpuinfo)) == expected


def test_a_machine_that_does_not_tell_its_flags_is_not_made_to_use_avx2(tmp_path: Path) -> None:
    (tmp_path / "arm").write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    for path in (tmp_path / "arm", tmp_path / "none"):
        assert numerics.kernel_variables(numerics.processor_flags(path)) == ANY_PROCESSOR


def threads_in_use() -> set[int]:
    import numpy  # noqa: F401  (its BLAS is one of the pools)
    import torch
    from threadpoolctl import threadpool_info

    return {torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())}


def test_all_libraries_take_the_threads_of_the_parameter_and_omp_num_threads_goes_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from threadpoolctl import threadpool_limits

    before = max(threads_in_use())
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    try:
        for given, wanted, expected in (("", 2, 2), ("1", 2, 1), ("", 1, 1)):
            monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
            if given:
                monkeypatch.setenv("OMP_NUM_THREADS", given)
            numerics.set_threads(wanted)
            assert threads_in_use() == {expected}
    finally:
        numerics.set_threads(before)
        threadpool_limits(before)
