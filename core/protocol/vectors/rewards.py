"""Writes rewards.json: a run of epochs scored, paid and made claimable by the law of scoring.

    python3 rewards.py > rewards.json

Standard library only, and written from the law, not from the Rust code: exact fractions with a floor where the law has
one, the claimable amounts from the whole history at once. The numbers are drawn from a fixed seed, so that a second run
writes the same file. Amounts are in millionths.
"""

import json
import random
from fractions import Fraction
from math import floor

ONE = 1_000_000
DAY_MS = 86_400_000
TREASURY = "treasury"
ACCOUNTS = ["ann", "bob", "cat", "dan", "eve", "fay"]
TRUSTS = [0, 250_000, 500_000, 1_000_000]
GENESIS = {
    "emission_micros": 10_000 * ONE, "rate_micros": ONE, "cap_micros": 5_000 * ONE, "high_share_micros": 900_000,
    "credit_remint_share": 250_000, "latency_full_ms": DAY_MS, "latency_floor_at_ms": 10 * DAY_MS,
    "latency_floor_micros": 500_000, "quadrants_paid": 2, "freshness_recovery_s": 604_800, "claim_delay_epochs": 7,
}


def cell(number):
    """An H3 cell of resolution 12 in base cell 20: its digits are those of the number in base 7."""
    index = 1 << 59 | 12 << 52 | 20 << 45 | 0o777
    for digit in range(12):
        index |= number // 7**digit % 7 << 9 + 3 * digit
    return f"{index:x}"


def weight(quality, trust, age_ms, policy):
    quality_micros = floor(Fraction(quality * ONE, 255))
    full, last, low = policy["latency_full_ms"], policy["latency_floor_at_ms"], policy["latency_floor_micros"]
    if age_ms < 0:
        latency = 0
    else:
        gone = min(max(Fraction(age_ms - full, last - full), 0), 1)
        latency = floor(ONE - (ONE - low) * gone)
    return floor(Fraction(floor(Fraction(quality_micros * trust, ONE)) * latency, ONE))


def observe(rng, policy, cells):
    age_ms = rng.choice([0, 60_000, DAY_MS, DAY_MS + 1, 10 * DAY_MS, -1, rng.randrange(10 * DAY_MS), rng.randrange(DAY_MS)])
    trust = rng.choices(TRUSTS, [1, 6, 6, 6])[0]
    quality = rng.choice([0, 1, 128, 254, 255, rng.randrange(256), rng.randrange(256)])
    return {
        "account": rng.choice(ACCOUNTS), "cell": rng.choice(cells), "quadrant": rng.randrange(4), "quality": quality,
        "trust_micros": trust, "age_ms": age_ms, "weight": weight(quality, trust, age_ms, policy),
    }


def class_of(trust):
    return "high" if trust >= 500_000 else "low" if trust > 0 else None


def score(observations, fresh, policy):
    """Per class: the table of units, and each account's capped score."""
    result = {}
    for name in ("high", "low"):
        best = {}
        for seen in observations:
            if class_of(seen["trust_micros"]) == name:
                key = ((seen["cell"], seen["quadrant"]), seen["account"])
                best[key] = max(best.get(key, 0), seen["weight"])
        table, cells_of = {}, {}
        for unit in sorted({unit for unit, _ in best}):
            weights = {account: w for (where, account), w in best.items() if where == unit}
            table[unit] = (fresh.get(unit, ONE), max(weights.values()), sum(weights.values()))
            pays = floor(Fraction(table[unit][0] * table[unit][1], ONE))
            for account, w in weights.items():
                share = floor(Fraction(pays * w, table[unit][2])) if w else 0
                cells_of.setdefault(account, {}).setdefault(unit[0], []).append(share)
        scores = {}
        for account, cells in cells_of.items():
            total = sum(sum(sorted(paid)[-policy["quadrants_paid"]:]) for paid in cells.values())
            scores[account] = min(total, policy["cap_micros"])
        result[name] = (table, scores)
    return result


def pay(scored, policy, burnt):
    pool = policy["emission_micros"] + floor(Fraction(burnt * policy["credit_remint_share"], ONE))
    high = floor(Fraction(pool * policy["high_share_micros"], ONE))
    paid = {account: {"high": 0, "low": 0} for name in scored for account in scored[name][1]}
    for name, class_pool in (("high", high), ("low", pool - high)):
        scores = scored[name][1]
        for account, own in scores.items():
            bounds = [Fraction(own * policy["rate_micros"], ONE), Fraction(class_pool * own, sum(scores.values()) or 1)]
            paid[account][name] = floor(min(bounds))
    return pool, paid, pool - sum(sum(of.values()) for of in paid.values())


def leaves(history):
    """Each account's leaf after the last epoch of the history, the treasury's from what is left of the matured pools."""
    def matured(account, at):
        return sum(sum(past["payouts"].get(account, {}).values()) for past in history
                   if past["epoch"] + past["policy"]["claim_delay_epochs"] <= at["epoch"])

    def corrected(account, at):
        return sum(past["corrections"].get(account, 0) for past in history if past["epoch"] <= at["epoch"])

    result = {a: max(max(0, matured(a, at) - corrected(a, at)) for at in history) for a in ACCOUNTS}
    pools = sum(past["pool"] for past in history
                if past["epoch"] + past["policy"]["claim_delay_epochs"] <= history[-1]["epoch"])
    result[TREASURY] = pools - sum(result.values())
    return {account: amount for account, amount in result.items() if amount > 0}


def main():
    rng = random.Random(20_261_122)
    cells = [cell(number) for number in rng.sample(range(7**6), 5)]
    overrides = [
        {}, {"claim_delay_epochs": 0}, {"emission_micros": 3 * ONE, "claim_delay_epochs": 2},
        {"cap_micros": 600_000, "rate_micros": 1_500_000, "claim_delay_epochs": 1},
        {"emission_micros": 1_000_003, "high_share_micros": 333_333, "claim_delay_epochs": 2},
        {"quadrants_paid": 1, "claim_delay_epochs": 0}, {"claim_delay_epochs": 1}, {"claim_delay_epochs": 0},
    ]
    sizes = [60, 40, 60, 40, 30, 50, 0, 30]
    fresh, history = {}, []
    for epoch, override in enumerate(overrides):
        policy = GENESIS | override
        length_s, burnt = rng.choice([86_400, 3_600, 86_399, 1]), rng.choice([0, 3, rng.randrange(10 * ONE)])
        observations = [observe(rng, policy, cells) for _ in range(sizes[epoch])]
        scored = score(observations, fresh, policy)
        pool, payouts, treasury = pay(scored, policy, burnt)
        opening = {unit: fresh.get(unit, ONE) for name in scored for unit in scored[name][0]}
        for unit in set(fresh) | set(opening):
            greatest = scored["high"][0].get(unit, (0, 0, 0))[1]
            left = fresh.get(unit, ONE) - floor(Fraction(fresh.get(unit, ONE) * greatest, ONE))
            fresh[unit] = min(ONE, left + floor(Fraction(ONE * length_s, policy["freshness_recovery_s"])))
        corrections = {account: rng.randrange(2 * ONE) for account in ACCOUNTS if rng.random() < 0.2}
        history.append({
            "epoch": epoch, "policy": policy, "length_s": length_s, "burnt": burnt, "observations": observations,
            "corrections": corrections, "opening": [[*unit, f] for unit, f in sorted(opening.items())],
            "units": [[name, *unit, *row] for name in scored for unit, row in scored[name][0].items()],
            "scores": {name: dict(sorted(scored[name][1].items())) for name in scored},
            "pool": pool, "payouts": dict(sorted(payouts.items())), "treasury": treasury,
            "next": [[*unit, fresh[unit]] for unit in sorted(opening)],
        })
        history[-1]["leaves"] = leaves(history)
    lines = ",\n".join(json.dumps(epoch) for epoch in history)
    print(f'{{"treasury": "{TREASURY}", "epochs": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
