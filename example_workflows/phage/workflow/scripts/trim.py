"""Cuts adapters and bad ends off reads. FASTQ (plain or gzip) in, FASTQ out, counts to stderr."""

import argparse
import gzip
import sys


def adapter_start(bases, adapter, overlap=5):
    """Where the adapter begins: whole inside the read, or its beginning at the read's end."""
    inside = bases.find(adapter)
    if inside >= 0:
        return inside
    for length in range(min(len(adapter), len(bases)) - 1, overlap - 1, -1):
        if bases.endswith(adapter[:length]):
            return len(bases) - length
    return len(bases)


def good_end(quality, least):
    """The length to keep so that the read does not end in bases worse than `least`."""
    end = len(quality)
    while end and ord(quality[end - 1]) - 33 < least:
        end -= 1
    return end


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--min-quality", type=int, required=True)
    parser.add_argument("--min-length", type=int, required=True)
    parser.add_argument("reads")
    options = parser.parse_args()

    read = kept = with_adapter = 0
    opener = gzip.open if options.reads.endswith(".gz") else open
    with opener(options.reads, "rt") as file:
        for name in file:
            bases, _, quality = (next(file).rstrip("\n") for _ in range(3))
            read += 1
            end = adapter_start(bases, options.adapter)
            with_adapter += end < len(bases)
            end = good_end(quality[:end], options.min_quality)
            if end >= options.min_length:
                kept += 1
                print(f"{name.rstrip()}\n{bases[:end]}\n+\n{quality[:end]}")
    print(f"reads\t{read}\nadapters\t{with_adapter}\nkept\t{kept}", file=sys.stderr)


main()
