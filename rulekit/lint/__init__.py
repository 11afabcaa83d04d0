"""Style and reproducibility of rule files: findings with places, and how to mend them."""
