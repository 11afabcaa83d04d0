"""The SIR model of an epidemic, by Runge and Kutta's method; boys ill on each day to stdout."""

import argparse

DAYS = 14
STEPS = 50  # a day


def slope(healthy, ill, boys, beta, gamma):
    infections = beta * healthy * ill / boys
    return -infections, infections - gamma * ill


def course(boys, beta, gamma):
    """(day, ill) for each day, from 3 ill boys on day 0."""
    healthy, ill = boys - 3.0, 3.0
    h = 1 / STEPS
    for step in range(DAYS * STEPS):
        if step % STEPS == 0:
            yield step // STEPS, ill
        a = slope(healthy, ill, boys, beta, gamma)
        b = slope(healthy + h / 2 * a[0], ill + h / 2 * a[1], boys, beta, gamma)
        c = slope(healthy + h / 2 * b[0], ill + h / 2 * b[1], boys, beta, gamma)
        d = slope(healthy + h * c[0], ill + h * c[1], boys, beta, gamma)
        healthy += h / 6 * (a[0] + 2 * b[0] + 2 * c[0] + d[0])
        ill += h / 6 * (a[1] + 2 * b[1] + 2 * c[1] + d[1])


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--boys", type=int, required=True)
parser.add_argument("--beta", type=float, required=True)
parser.add_argument("--gamma", type=float, required=True)
options = parser.parse_args()
print("day\till")
for day, ill in course(options.boys, options.beta, options.gamma):
    print(f"{day}\t{ill:.2f}")
