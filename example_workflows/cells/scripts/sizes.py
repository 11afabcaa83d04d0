from collections import Counter

width = snakemake.params.width
with open(snakemake.input[0]) as table:
    next(table)
    bins = Counter(int(line.split("\t")[2]) // width for line in table)
with open(snakemake.output[0], "w") as out:
    print('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 240" font-family="sans-serif" font-size="11">', file=out)
    print('<rect width="400" height="240" fill="white"/>', file=out)
    last = max(bins)
    for number in range(last + 1):
        x, high = 30 + 350 * number / (last + 1), 180 * bins[number] / max(bins.values())
        wide = 350 / (last + 1) - 2
        print(f'<rect x="{x:.1f}" y="{200 - high:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="#0054a6"/>', file=out)
        print(f'<text x="{x + wide / 2:.1f}" y="214" text-anchor="middle">{number * width}</text>', file=out)
    print('<text x="205" y="232" text-anchor="middle">points of a cell</text></svg>', file=out)
