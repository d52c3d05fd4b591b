"""Checks of what a user passes in: each states the rule, what came, and the mend.

Both twins call these at their public boundary, so that the same mistake gets the same
message whichever twin runs it.
"""

from d2lib._checks.arrays import (
    as_float_array,
    as_targets,
    check_axis,
    check_batch,
    check_bounds,
    check_broadcast,
    check_condition,
    check_finite,
    check_joined,
    check_same_shape,
    check_unit_interval,
)
from d2lib._checks.labels import (
    check_indices,
    check_labels,
)
from d2lib._checks.layers import (
    check_attention,
    check_context,
    check_heads,
    check_inputs,
    check_length,
    check_mask,
    check_sequence,
    check_states,
)
from d2lib._checks.models import (
    check_buffer,
    check_parameters,
    check_state,
)
from d2lib._checks.numbers import (
    check_choice,
    check_count,
    check_finite_number,
    check_non_negative,
    check_positive,
    check_positive_int,
    check_probability,
    check_seed,
)
from d2lib._checks.recording import (
    changed_since,
    check_gradient_shape,
    nothing_recorded,
)

__all__ = [
    "as_float_array",
    "as_targets",
    "changed_since",
    "check_attention",
    "check_axis",
    "check_batch",
    "check_bounds",
    "check_broadcast",
    "check_buffer",
    "check_choice",
    "check_condition",
    "check_context",
    "check_count",
    "check_finite",
    "check_finite_number",
    "check_gradient_shape",
    "check_heads",
    "check_indices",
    "check_inputs",
    "check_joined",
    "check_labels",
    "check_length",
    "check_mask",
    "check_non_negative",
    "check_parameters",
    "check_positive",
    "check_positive_int",
    "check_probability",
    "check_same_shape",
    "check_seed",
    "check_sequence",
    "check_state",
    "check_states",
    "check_unit_interval",
    "nothing_recorded",
]
