"""Checks of what a user passes in: each states the rule, what came, and the mend.

Both twins call these at their public boundary, so that the same mistake gets the same
message whichever twin runs it.
"""

from d2lib._checks.arrays import (
    as_array,
    as_float_array,
    as_targets,
    check_batch,
    check_dtype,
    check_finite,
    check_same_shape,
    check_shape,
    check_unit_interval,
)
from d2lib._checks.files import check_path
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
    check_recurrent,
    check_sequence,
    check_sizes,
    check_states,
)
from d2lib._checks.models import (
    as_state,
    check_parameters,
    check_state,
)
from d2lib._checks.numbers import (
    MOST_NUMBERS,
    as_generator,
    check_axis,
    check_choice,
    check_finite_number,
    check_flag,
    check_non_negative,
    check_numbers,
    check_positive,
    check_positive_int,
    check_probability,
    check_seed,
)
from d2lib._checks.show import (
    kind,
    short,
)

__all__ = [
    "MOST_NUMBERS",
    "as_array",
    "as_float_array",
    "as_generator",
    "as_state",
    "as_targets",
    "check_attention",
    "check_axis",
    "check_batch",
    "check_choice",
    "check_context",
    "check_dtype",
    "check_finite",
    "check_finite_number",
    "check_flag",
    "check_heads",
    "check_indices",
    "check_inputs",
    "check_labels",
    "check_length",
    "check_mask",
    "check_non_negative",
    "check_numbers",
    "check_parameters",
    "check_path",
    "check_positive",
    "check_positive_int",
    "check_probability",
    "check_recurrent",
    "check_same_shape",
    "check_seed",
    "check_sequence",
    "check_shape",
    "check_sizes",
    "check_state",
    "check_states",
    "check_unit_interval",
    "kind",
    "short",
]
