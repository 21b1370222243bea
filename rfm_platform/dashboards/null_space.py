"""What sums leave open: a vector of the null space of a sparse matrix."""

import numpy as np
import numpy.typing as npt

_SEED = 1  # hiding the same things in the same report, always


def random_null_vector(
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    signs: npt.NDArray[np.float64],
    height: int,
    width: int,
) -> npt.NDArray[np.float64]:
    """A random vector less its part in the row space, by conjugate gradients (CGLS)."""
    vector = np.random.default_rng(_SEED).uniform(1, 2, width)

    def forth(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.bincount(rows, signs * x[columns], height).astype(np.float64)

    def back(y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.bincount(columns, signs * y[rows], width).astype(np.float64)

    in_rows = np.zeros(width)
    residual = forth(vector)
    gradient = back(residual)
    direction = gradient.copy()
    size = float(gradient @ gradient)
    smallest = size * 1e-24
    for _ in range(20 * (height + width)):
        if size <= smallest:
            break
        image = forth(direction)
        step = size / float(image @ image)
        in_rows += step * direction
        residual -= step * image
        gradient = back(residual)
        previous, size = size, float(gradient @ gradient)
        direction = gradient + (size / previous) * direction
    return vector - in_rows
