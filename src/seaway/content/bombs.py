"""How much a compressed stream may unpack to."""

UNPACKED_LIMIT, RATIO_LIMIT = 10 << 30, 100


def unpacked_limit(compressed_size: int) -> int:
    """More than any honest layer has, less than gzip's thousandfold of what fills a disk."""
    return max(UNPACKED_LIMIT, RATIO_LIMIT * compressed_size)


def bomb_text(limit: int) -> str:
    return f"decompression bomb: more than {limit} bytes unpacked"
