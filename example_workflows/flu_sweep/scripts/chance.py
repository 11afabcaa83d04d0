"""The same epidemic by single events drawn at random (Gillespie's method).

Prints the settings and how many boys were ever ill.
"""

import argparse
import random

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--boys", type=int, required=True)
parser.add_argument("--beta", type=float, required=True)
parser.add_argument("--gamma", type=float, required=True)
parser.add_argument("--seed", type=int, required=True)
options = parser.parse_args()

dice = random.Random(options.seed)
healthy, ill = options.boys - 3, 3
while ill:
    infection = options.beta * healthy * ill / options.boys
    recovery = options.gamma * ill
    if dice.random() * (infection + recovery) < infection:
        healthy, ill = healthy - 1, ill + 1
    else:
        ill -= 1
print("beta", "gamma", "seed", "ill", sep="\t")
print(options.beta, options.gamma, options.seed, options.boys - healthy, sep="\t")
