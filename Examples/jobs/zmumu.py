#!/usr/bin/env python3
"""Generate pp -> Z/gamma* -> mu+ mu- events and histogram the muon pair mass.

Usage: ./zmumu.py cards.cmnd [--events N] [--output PREFIX]

The settings are read from a PYTHIA 8 card file. The results are PREFIX.json
(numbers) and PREFIX.svg (picture); the same card on the same kind of machine
gives the same files. Progress and PYTHIA's own messages go to standard error,
one line with the result to standard output.
Exit status: 0 success, 1 the run failed, 2 wrong usage or a wrong card.
"""

import argparse
import json
import math
import os
import sys

LOW, HIGH, BINS = 60.0, 120.0, 60  # the histogram, in GeV
BIN_WIDTH = (HIGH - LOW) / BINS
MUON = 13  # particle number; its antiparticle is -13
DEFAULT_SEED = 19780503  # what PYTHIA uses unless it is told otherwise


class JobError(Exception):
    """The job cannot go on; the arguments are a message and exit status."""


def log(message):
    """Print a line on standard error."""
    print(f"zmumu: {message}", file=sys.stderr, flush=True)


def make_generator(card):
    """Return a PYTHIA generator, initialised with the settings in the card."""
    try:
        with open(card, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "it is not a text file")
        raise JobError(f"cannot read card '{card}': {reason}", 2)
    try:
        import pythia8mc
    except ImportError as error:
        raise JobError(f"cannot load PYTHIA (pythia8mc): {error}", 1)
    pythia = pythia8mc.Pythia("", False)  # usual data directory, no banner
    if not pythia.settings.isMode("Main:numberOfEvents"):
        raise JobError("PYTHIA does not find its data: PYTHIA8DATA is "
                       f"'{os.environ.get('PYTHIA8DATA', '')}'", 1)
    for number, line in enumerate(lines, 1):
        if not pythia.readString(line, False):
            setting = line.split("!")[0].strip()
            raise JobError(f"{card}:{number}: PYTHIA refuses '{setting}'", 2)
    if not pythia.init():
        raise JobError(f"PYTHIA cannot start with card '{card}'", 2)
    return pythia


def pair_mass(event):
    """Return the mass of the hardest mu+ mu- pair, None if there is none."""
    muons = [p for p in event if p.idAbs() == MUON and p.isFinal()]
    muons.sort(key=lambda muon: muon.pT())
    pair = {muon.id(): muon.p() for muon in muons}  # the last, hardest stays
    return (pair[MUON] + pair[-MUON]).mCalc() if len(pair) == 2 else None


def generate(pythia, events):
    """Generate the events; return the pair masses and the failure count."""
    masses, failures = [], 0
    for number in range(1, events + 1):
        if pythia.next():
            masses.append(pair_mass(pythia.event))
        else:
            failures += 1
            if failures > pythia.mode("Main:timesAllowErrors"):
                raise JobError(f"PYTHIA failed on {failures} events", 1)
        if number * 10 // events > (number - 1) * 10 // events:
            log(f"{number} of {events} events")
    masses = [mass for mass in masses if mass is not None]
    if not any(LOW <= mass < HIGH for mass in masses):
        raise JobError(f"no muon pair from {LOW:g} to {HIGH:g} GeV", 1)
    return masses, failures


def describe(masses):
    """Return mean and Breit-Wigner (maximum likelihood) peak of the masses."""
    size = len(masses)
    mean = math.fsum(masses) / size
    rms = math.sqrt(math.fsum((m - mean) ** 2 for m in masses) / size)
    peak, half = sorted(masses)[size // 2], 1.5
    for _ in range(50):  # each pass raises the likelihood
        weights = [1 / (1 + ((m - peak) / half) ** 2) for m in masses]
        total = math.fsum(weights)
        peak = math.fsum(w * m for w, m in zip(weights, masses)) / total
        half = max(half * math.sqrt(max(size / total - 1, 0)), BIN_WIDTH / 2)
    values = {"mean": mean, "mean_error": rms / math.sqrt(size), "rms": rms,
              "peak": peak, "peak_error": half * math.sqrt(2 / size),
              "width": 2 * half}
    return {name: round(value, 4) for name, value in values.items()}


def analyse(pythia, masses, failures, events):
    """Return everything that goes into the JSON file."""
    inside = [mass for mass in masses if LOW <= mass < HIGH]
    counts = [0] * BINS
    for mass in inside:
        counts[min(int((mass - LOW) / BIN_WIDTH), BINS - 1)] += 1
    info, seed = pythia.infoPython(), pythia.mode("Random:seed")
    if seed < 0 or not pythia.flag("Random:setSeed"):
        seed = DEFAULT_SEED
    return {
        "process": "pp -> Z/gamma* -> mu+ mu-",
        "generator": f"PYTHIA {pythia.parm('Pythia:versionNumber'):.3f}",
        "energy_gev": info.eCM(), "seed": seed,
        "events": {"requested": events, "failed": failures,
                   "with_pair": len(masses)},
        "cross_section_pb": {"value": round(info.sigmaGen() * 1e9, 3),
                             "error": round(info.sigmaErr() * 1e9, 3)},
        "mass_gev": describe(inside),
        "histogram": {"quantity": "m(mu mu)", "unit": "GeV", "low": LOW,
                      "high": HIGH, "bins": BINS, "counts": counts,
                      "underflow": sum(mass < LOW for mass in masses),
                      "overflow": sum(mass >= HIGH for mass in masses)}}


def draw(result):
    """Return the histogram as the text of an SVG picture."""
    counts, mass = result["histogram"]["counts"], result["mass_gev"]
    cross = result["cross_section_pb"]
    left, top, right, bottom = 90, 60, 770, 490
    highest = max(n + math.sqrt(n) for n in counts) * 1.15
    power = 10 ** math.floor(math.log10(highest))
    step = next(s for s in (power // 5, power // 2, power, power * 2)
                if s and highest / s <= 8)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 560" '
           'width="800" height="560" '
           'font-family="DejaVu Sans, Verdana, Arial, sans-serif" '
           'font-size="15" fill="#1f2933">',
           '<rect width="800" height="560" fill="#ffffff"/>']

    def at(mass, count):
        return (left + (mass - LOW) / (HIGH - LOW) * (right - left),
                bottom - count / highest * (bottom - top))

    def line(points, colour="#1f2933", width=1.2, fill="none"):
        points = "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
        out.append(f'<path d="M{points}" stroke="{colour}" '
                   f'stroke-width="{width}" fill="{fill}"/>')

    def text(x, y, words, anchor="start", more=""):
        out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
                   f'{more}>{words}</text>')

    def point(x, y, low, high):
        line([(x, low), (x, high)])
        out.append(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="2.6"/>')

    edges = [LOW + i * BIN_WIDTH for i in range(BINS + 1)]
    steps = [at(edges[i + side], count) for i, count in enumerate(counts)
             for side in (0, 1)]
    line([(left, bottom)] + steps + [(right, bottom)],
         "#2f6fa8", 1.2, "#d3e4f4")
    peak, half = mass["peak"], mass["width"] / 2  # curve of the same area
    area = math.atan((HIGH - peak) / half) - math.atan((LOW - peak) / half)
    scale = sum(counts) * BIN_WIDTH / area * half
    curve = [LOW + i * (HIGH - LOW) / 600 for i in range(601)]
    line([at(m, scale / (half ** 2 + (m - peak) ** 2)) for m in curve],
         "#c8442c", 2)
    for edge, n in zip(edges, counts):
        if n:
            x, y = at(edge + BIN_WIDTH / 2, n)
            point(x, y, *(at(edge, n + s * math.sqrt(n))[1] for s in (-1, 1)))
    for value in range(int(LOW), int(HIGH) + 1, 2):  # axes
        x, size = at(value, 0)[0], 5 if value % 10 else 10
        line([(x, bottom), (x, bottom - size)])
        if size == 10:
            text(x, bottom + 22, value, "middle")
    for value in range(0, math.ceil(highest), step):
        y = at(LOW, value)[1]
        line([(left, y), (left + 10, y)])
        text(left - 10, y + 5, value, "end")
    line([(left, top), (right, top), (right, bottom), (left, bottom),
          (left, top - .75)], width=1.5)
    text(right, 540, "m(μμ) [GeV]", "end", 'font-size="17"')
    text(-top, 24, f"Events / {BIN_WIDTH:g} GeV", "end",
         'font-size="17" transform="rotate(-90)"')
    text(left, 42, "pp → Z/γ* → μ⁺μ⁻", more='font-size="21"')
    energy = result["energy_gev"] / 1000
    text(right, 42, f"{result['generator']}, √s = {energy:g} TeV", "end")
    x, y = right - 270, top + 22  # legend
    line([(x, y), (x + 248, y), (x + 248, y + 174), (x, y + 174), (x, y)],
         "#9aa5b1", 1, "#ffffff")
    point(x + 24, y + 24, y + 14, y + 34)
    line([(x + 11, y + 102), (x + 37, y + 102)], "#c8442c", 2)
    for row, words in enumerate((
            f"N = {result['events']['with_pair']}",
            f"σ = {cross['value']:.0f} ± {cross['error']:.0f} pb",
            f"mean {mass['mean']:.2f} ± {mass['mean_error']:.2f} GeV",
            "Breit–Wigner fit:", f"peak {peak:.2f} ± "
            f"{mass['peak_error']:.2f} GeV", f"width {2 * half:.2f} GeV")):
        text(x + 50, y + 29 + 26 * row, words)
    return "\n".join(out + ["</svg>", ""])


def write(path, content):
    """Write a file such that it appears under its name only when complete."""
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(content)
    os.replace(path + ".tmp", path)


def main():
    """Run the job; return the exit status."""
    parser = argparse.ArgumentParser(
        description="Generate Z/gamma* -> mu+ mu- events with PYTHIA.")
    parser.add_argument("card", help="PYTHIA card file with the settings")
    parser.add_argument("--events", type=int, metavar="N",
                        help="number of events, instead of the card's")
    parser.add_argument("--output", default="zmumu", metavar="PREFIX",
                        help="start of the result file names (%(default)s)")
    options = parser.parse_args()
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # PYTHIA prints to standard output: to the log with it
    try:
        pythia = make_generator(options.card)
        events = options.events
        if events is None:
            events = pythia.mode("Main:numberOfEvents")
        if events < 1:
            raise JobError(f"the number of events is {events}", 2)
        log(f"PYTHIA is ready; {events} events to do")
        result = analyse(pythia, *generate(pythia, events), events)
        write(options.output + ".svg", draw(result))
        write(options.output + ".json", json.dumps(result, indent=1) + "\n")
    except JobError as error:
        log(f"error: {error.args[0]}")
        return error.args[1]
    except OSError as error:
        log(f"error: cannot write '{error.filename}': {error.strerror}")
        return 1
    mass, cross = result["mass_gev"], result["cross_section_pb"]
    print(f"zmumu: {result['events']['with_pair']} muon pairs, "
          f"peak {mass['peak']:.2f} +- {mass['peak_error']:.2f} GeV, "
          f"cross-section {cross['value']:.0f} +- {cross['error']:.0f} pb",
          file=answer, flush=True)


if __name__ == "__main__":
    sys.exit(main())
