"""Grey pictures as lists of rows: read and write PGM, write PNG."""

import struct
import zlib


def read_pgm(path):
    with open(path, "rb") as file:
        magic, width, height, most = (file.readline().strip() for _ in range(4))
        assert magic == b"P5" and most == b"255", path
        data = file.read()
    width, height = int(width), int(height)
    return [list(data[row * width : (row + 1) * width]) for row in range(height)]


def write_pgm(path, rows):
    with open(path, "wb") as file:
        file.write(f"P5\n{len(rows[0])}\n{len(rows)}\n255\n".encode())
        for row in rows:
            file.write(bytes(row))


def write_png(path, rows):
    """Rows of (red, green, blue)."""
    raw = b"".join(b"\0" + bytes(value for point in row for value in point) for row in rows)

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head))
        file.write(chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))
