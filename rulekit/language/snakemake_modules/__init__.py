"""What `import snakemake...` in user code finds; one module here for each of that package."""
