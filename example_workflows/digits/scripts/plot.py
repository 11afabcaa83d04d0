with open(snakemake.input[0]) as table:
    next(table)
    rows = [line.split("\t") for line in table]
high = 22 * len(rows) + 30
with open(snakemake.output[0], "w") as out:
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 520 {high}" font-family="sans-serif" font-size="11">', file=out)
    print(f'<rect width="520" height="{high}" fill="white"/>', file=out)
    for number, (setting, right) in enumerate(rows):
        y, wide = 10 + 22 * number, 240 * float(right)
        print(f'<text x="225" y="{y + 13}" text-anchor="end">{setting}</text>', file=out)
        print(f'<rect x="232" y="{y}" width="{wide:.1f}" height="18" fill="#0054a6"/>', file=out)
        print(f'<text x="{238 + wide:.1f}" y="{y + 13}">{100 * float(right):.0f} %</text>', file=out)
    print("</svg>", file=out)
