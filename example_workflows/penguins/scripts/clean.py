"""The field table as published, made fit for plotting."""

import csv

COLUMNS = {
    "Island": "island",
    "Culmen Length (mm)": "bill_length_mm",
    "Culmen Depth (mm)": "bill_depth_mm",
    "Flipper Length (mm)": "flipper_length_mm",
    "Body Mass (g)": "body_mass_g",
    "Sex": "sex",
}
MEASURES = [name for name in COLUMNS.values() if name.endswith(("_mm", "_g"))]

kept = dropped = 0
with (
    open(snakemake.input[0], newline="") as source,
    open(snakemake.output.table, "w", newline="") as sink,
    open(snakemake.log[0], "w") as log,
):
    writer = csv.DictWriter(sink, ["species", *COLUMNS.values()], lineterminator="\n")
    writer.writeheader()
    for bird in csv.DictReader(source):
        row = {"species": bird["Species"].split()[0]}
        row |= {new: bird[old] for old, new in COLUMNS.items()}
        row["sex"] = row["sex"].lower() if row["sex"] in ("MALE", "FEMALE") else "unknown"
        if any(row[name] == "NA" for name in MEASURES):
            print("not measured:", bird["Individual ID"], bird["Date Egg"], file=log)
            dropped += 1
        else:
            writer.writerow(row)
            kept += 1
    print(f"{kept} birds kept, {dropped} left out", file=log)
