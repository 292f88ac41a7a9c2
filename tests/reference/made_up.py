"""Made-up pictures for golden files, and their pixels in the orders that files and tensors have them in."""

import numpy as np


def picture(width, height, channels, seed):
    """Slopes, a disc with a hard edge and some noise: integers 0 to 255, [height, width, channels]."""
    noise = np.random.RandomState(seed)
    y, x = np.mgrid[0:height, 0:width]
    out = []
    for channel in range(channels):
        slope = x * (90 + 35 * channel) // width + y * (140 - 40 * channel) // height
        disc = (x * 3 - width) ** 2 + (y * 2 - height) ** 2 < (min(width, height) * 9 // 10) ** 2
        out.append(np.where(disc, 235 - 60 * channel, slope) + noise.randint(-12, 13, (height, width)))
    return np.clip(np.stack(out, -1), 0, 255).astype(np.uint8)


def packed_rows(samples, bits):
    """Each row of [height, width, channels] as bytes, with `bits` (at most 8) a sample."""
    unpacked = np.unpackbits(samples.reshape(len(samples), -1, 1).astype(np.uint8), axis=2)[:, :, -bits:]
    return [np.packbits(row.reshape(-1)).tobytes() for row in unpacked]


def planes(image):
    """[3, height, width] of an RGB picture, as bytes."""
    data = np.asarray(image)
    assert data.dtype == np.uint8 and data.shape[2] == 3
    return np.ascontiguousarray(data.transpose(2, 0, 1))
