"""What sums say of counts of which none is smaller than it can be.

Five counts of at least 1 that are together 5 are 1 each. Whoever looks for such counts in all sums
at once solves a linear programme, and so it is done here.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from rfm_platform.errors import PlatformError

Key = Hashable


@dataclass(frozen=True)
class Equation:
    """A sum of counts, some of which are unknown.

    Attributes:
        parts: the unknown ones.
        total: the total, if it is unknown; else empty.
        known: the unknown parts less the unknown total.
    """

    parts: Sequence[Key]
    total: Sequence[Key]
    known: int


def at_their_least(equations: Sequence[Equation], least: Callable[[Key], int]) -> set[Key]:
    """The unknown counts that are as small as they can be in every solution of all equations.

    In one of many solutions, scaled up by a factor that is an unknown, too, every count that can be
    larger than its least is so by 1 or more. That solution is looked for, so one programme tells
    of all counts (R. M. Freund, R. Roundy, M. J. Todd, Identifying the Set of Always-Active
    Constraints in a System of Linear Inequalities by a Single Linear Program, 1985).

    Args:
        least: what a count is at least, whatever the sums are.

    Raises:
        PlatformError: the programme was not solved: nobody knows what the counts give away.
    """
    # SciPy is a quarter of a second, for which no command without a report waits.
    from scipy.optimize import linprog  # noqa: PLC0415 - see above
    from scipy.sparse import coo_array, eye_array, hstack  # noqa: PLC0415 - see above

    keys = sorted({key for each in equations for key in (*each.parts, *each.total)}, key=repr)
    if not keys:
        return set()
    index = {key: number for number, key in enumerate(keys)}
    cells = [
        (number, index[key], sign)
        for number, equation in enumerate(equations)
        for sign, some in ((1.0, equation.parts), (-1.0, equation.total))
        for key in some
    ]
    rows, columns, signs = (np.array(values) for values in zip(*cells, strict=True))
    height, width = len(equations), len(keys)
    sums = coo_array((signs, (rows, columns)), shape=(height, width))
    known = np.array([[equation.known] for equation in equations], dtype=float)
    smallest = np.array([[least(key)] for key in keys], dtype=float)
    # Counts, the factor, and by how much each count is larger than its least, up to 1.
    nothing = coo_array((height, width))
    found = linprog(
        np.concatenate([np.zeros(width + 1), -np.ones(width)]),
        A_eq=hstack([sums, -known, nothing]),
        b_eq=np.zeros(height),
        A_ub=hstack([-eye_array(width), smallest, eye_array(width)]),
        b_ub=np.zeros(width),
        bounds=[(0, None)] * width + [(1, None)] + [(0, 1)] * width,
    )
    if not found.success:
        raise PlatformError(f"What the report hides could not be looked through: {found.message}")
    larger = found.x[width + 1 :]
    return {key for key, by in zip(keys, larger, strict=True) if by < 0.5}
