with open(snakemake.input.stars) as table:
    next(table)
    stars = [tuple(map(float, line.split())) for line in table]
with open(snakemake.output[0], "w") as out:
    print('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="500" font-size="3" font-family="sans-serif">', file=out)
    print('<rect width="100" height="100" fill="#0b1026"/>', file=out)
    for x, y, colour in stars:
        fill = "#9bb8ff" if colour < 0.3 else "#ffd9a0"
        print(f'<circle cx="{x}" cy="{y}" r="0.5" fill="{fill}"/>', file=out)
    with open(snakemake.input.clusters) as table:
        next(table)
        for line in table:
            cluster, number, x, y, radius, *age = line.split()
            print(f'<circle cx="{x}" cy="{y}" r="{float(radius) + 1:.1f}" fill="none" stroke="#6c6"  stroke-width="0.3"/>', file=out)
            print(f'<text x="{x}" y="{float(y) - float(radius) - 1.6:.1f}" text-anchor="middle" fill="#6c6">{cluster} {" ".join(age)}</text>', file=out)
    print("</svg>", file=out)
