"""Chunks as HDF5 keeps them, made and read outside HDF5: on any core or machine, not under its one lock.

A chunk is compressed into a zlib container, which the standard gzip filter of HDF5 reads, and carries the checksum
of the standard fletcher32 filter behind it. The Adler-32 inside the container isn't enough: it let some single bits
flipped in an array of actions pass. libdeflate has one algorithm for all processors; the bytes that zlib-ng and ISA-L
make depend on the instructions a processor has.
"""

import hashlib

import deflate
import numpy as np

ROW = 512  # bytes that are summed at a time in a checksum: words of a high and a low byte
OF_ROWS = np.zeros((ROW, 4), np.float32)  # the sum of high bytes, of low bytes, of each high byte times its place, …
OF_ROWS[0::2, 0] = OF_ROWS[1::2, 1] = 1
OF_ROWS[0::2, 2] = OF_ROWS[1::2, 3] = np.arange(ROW // 2, 0, -1)
LEVEL = 3  # of libdeflate: on images of the cube a third smaller than zlib's level 1, in two thirds of its time


def pack(rows: np.ndarray, chunk_rows: int) -> list[tuple[bytes, bytes]]:
    """Pack rows into chunks of `chunk_rows` rows each, the last one filled up with zeros.

    Returns:
        For each chunk its bytes in the file, and the SHA-256 of its rows, without the filling.
    """
    chunks = []
    for first in range(0, len(rows), chunk_rows):
        part = np.ascontiguousarray(rows[first : first + chunk_rows])
        missing = chunk_rows - len(part)
        whole = np.concatenate([part, np.zeros((missing, *part.shape[1:]), part.dtype)]) if missing else part
        packed = bytes(deflate.zlib_compress(whole.reshape(-1).view(np.uint8), LEVEL))
        chunks.append((packed + fletcher32(packed), hashlib.sha256(part.data).digest()))
    return chunks


def unpack(chunk: bytes, size: int) -> bytearray:
    """Give the `size` bytes of a chunk as it is in a file.

    Raises:
        OSError: The chunk is damaged; in the words that HDF5 has for it.
    """
    packed = memoryview(chunk)[:-4]
    if fletcher32(packed) != chunk[-4:]:
        raise OSError("Can't synchronously read data (a chunk's checksum is wrong)")
    try:
        content = deflate.zlib_decompress(packed, size)
    except (deflate.DeflateError, ValueError, MemoryError):
        content = bytearray()
    if len(content) != size:
        raise OSError("Can't synchronously read data (a chunk can't be unpacked)")
    return content


def fletcher32(data: bytes | memoryview) -> bytes:
    """Give the checksum that HDF5's fletcher32 filter puts behind a chunk: two sums of 16-bit words, modulo 65535.

    The first sum is that of the words; the second that of the first sum as it was after each word. Zeros in front
    change neither, so that the words lie in whole rows, whose sums one product of matrices gives.
    """
    octets = np.zeros(-(-len(data) // ROW) * ROW, np.uint8)
    place = len(octets) - (len(data) + 1) // 2 * 2
    octets[place : place + len(data)] = np.frombuffer(data, np.uint8)
    in_rows = (octets.reshape(-1, ROW).astype(np.float32) @ OF_ROWS).astype(np.int64)  # exact: they are below 2^24
    sums, placed = in_rows[:, :2] @ (256, 1), in_rows[:, 2:] @ (256, 1)
    first, second = int(sums.sum()), int(placed.sum() + ROW // 2 * (np.arange(len(sums))[::-1] @ sums))
    # Zero is written as 65535, unless all words are zero.
    first, second = (total and (total - 1) % 65535 + 1 for total in (first, second))
    return (second << 16 | first).to_bytes(4, "little")
