"""Rows of `initializers.py`."""

from tests.concepts.row import Call, Row, Wrong

ROWS = [
    Row(
        "initialize",
        {
            scheme: Call(lambda dl, s=scheme: dl.initialize((4, 3), s, 7), batch=None)
            for scheme in ("zeros", "normal", "xavier", "he", "identity", "orthogonal")
        },
        {
            "scheme": Wrong(
                lambda dl: dl.initialize((3, 2), "glorot"),
                ValueError,
                "scheme must be one of 'zeros'.*got 'glorot'",
            ),
        },
        exempt={"gradient": "drawn, not computed from anything"},
    ),
]
