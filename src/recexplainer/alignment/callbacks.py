"""What goes along with training: the curves with their speed, and the validation between the steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback

CURVES = ("loss", "grad_norm", "learning_rate")


class Speed(TrainerCallback):
    """Hands the curves to whoever tracks the run, and how fast training goes.

    Args:
        report: Takes numbers and the step that they belong to.
        per_step: How many examples, tokens and packed tokens a step takes, on average, by name.
    """

    def __init__(self, report: Callable[[dict[str, float], int], None], per_step: dict[str, float]) -> None:
        self.report, self.per_step = report, per_step
        self.began = self.last = (0.0, 0)  # time, step
        self.ended = (0.0, 0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock, at the step of the checkpoint if training resumes from one."""
        self.began = self.last = (time.perf_counter(), state.global_step)

    def skip(self, seconds: float) -> None:
        """Leave out time that was not spent on training."""
        self.began, self.last = ((began + seconds, step) for began, step in (self.began, self.last))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Stop it."""
        self.ended = (time.perf_counter(), state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Pass loss, gradient norm, rate and speed on."""
        if not state.is_world_process_zero:
            return
        curves = {key: float(value) for key, value in (logs or {}).items() if key in CURVES}
        if not curves:
            return
        now = (time.perf_counter(), state.global_step)
        self.report(curves | self._between(self.last, now), state.global_step)
        self.last = now

    @property
    def n_steps(self) -> int:
        """How many steps this process took; 0 where it resumed from the checkpoint of the last one."""
        return self.ended[1] - self.began[1]

    @property
    def seconds(self) -> float:
        """From the first step of this process to the end of the last."""
        return self.ended[0] - self.began[0]

    def of_all_steps(self) -> dict[str, float]:
        """The speed from the first step of this process to the last."""
        return self._between(self.began, self.ended)

    def _between(self, start: tuple[float, int], end: tuple[float, int]) -> dict[str, float]:
        seconds, n_steps = end[0] - start[0], end[1] - start[1]
        return {f"{name}_per_second": round(n * n_steps / seconds, 1) for name, n in self.per_step.items()}


class Validation(TrainerCallback):
    """Measures before the first step, so that what cannot be measured fails at once, every few steps, and at the end,
    unless that is near.

    Args:
        measure: Of `validation`; every process of a launch calls it, as they share the questions.
        every: So many steps.
        report: Takes the figures and the step that they belong to; of the main process alone.
        speed: Does not count the time that validation takes.
    """

    def __init__(
        self,
        measure: Callable[[], dict[str, Any]],
        every: int,
        report: Callable[[dict[str, Any], int], None],
        speed: Speed,
    ) -> None:
        self.measure, self.every, self.report, self.speed = measure, every, report, speed

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Measure what nothing was learnt yet; not where training resumes from a checkpoint."""
        if state.global_step == 0:
            self._measure(model, args, state)

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Measure at the steps that are due."""
        since = state.global_step % self.every
        if since == 0 or (state.global_step == state.max_steps and since > min(self.every, state.max_steps) // 2):
            self._measure(model, args, state)

    def _measure(self, model: Any, args: Any, state: Any) -> None:
        began, training = time.perf_counter(), model.training
        model.eval()
        device = next(model.parameters()).device.type
        with torch.random.fork_rng(), torch.autocast(device, torch.bfloat16, enabled=args.bf16):
            figures = self.measure()
        model.train(training)
        self.speed.skip(time.perf_counter() - began)
        if state.is_world_process_zero:
            self.report({"valid": figures}, state.global_step)
