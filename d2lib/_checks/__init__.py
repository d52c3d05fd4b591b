"""Checks of what a user passes in: each states the rule, what came, and the mend.

Both twins call these at their public boundary, so that the same mistake gets the same
message whichever twin runs it.
"""

from d2lib._checks.arrays import (
    as_array,
    as_float_array,
    as_targets,
    check_axes,
    check_batch,
    check_bounds,
    check_broadcast,
    check_condition,
    check_dtype,
    check_finite,
    check_joined,
    check_same_shape,
    check_shape,
    check_unit_interval,
    shape_of,
)
from d2lib._checks.files import (
    check_path,
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
    check_recurrent,
    check_sequence,
    check_sizes,
    check_states,
)
from d2lib._checks.models import (
    as_state,
    check_buffer,
    check_parameters,
    check_state,
)
from d2lib._checks.numbers import (
    MOST_NUMBERS,
    as_generator,
    as_list,
    check_axis,
    check_choice,
    check_count,
    check_finite_number,
    check_flag,
    check_non_negative,
    check_numbers,
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
from d2lib._checks.show import (
    is_tensor,
    kind,
    short,
)

__all__ = [
    "MOST_NUMBERS",
    "as_array",
    "as_float_array",
    "as_generator",
    "as_list",
    "as_state",
    "as_targets",
    "changed_since",
    "check_attention",
    "check_axes",
    "check_axis",
    "check_batch",
    "check_bounds",
    "check_broadcast",
    "check_buffer",
    "check_choice",
    "check_condition",
    "check_context",
    "check_count",
    "check_dtype",
    "check_finite",
    "check_finite_number",
    "check_flag",
    "check_gradient_shape",
    "check_heads",
    "check_indices",
    "check_inputs",
    "check_joined",
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
    "is_tensor",
    "kind",
    "nothing_recorded",
    "shape_of",
    "short",
]
