"""Recomputes an epoch from its evidence, as `wayhex-server audit` does, and shares no code with it.

    python3 audit.py EVIDENCE.cbor

Standard library only, written from wire.md and from the law. Prints the root, the payouts and the treasury as JSON; exits 6
where the evidence claims anything else than what follows.
"""

import json
import sys

ONE = 1_000_000
HIGH, LOW = 3, 4  # places of the classes' covers in a unit
NAMES = {1: "scores and payouts", 2: "pool", 3: "treasury", 4: "next freshness", 5: "root"}


def decode(data, at=0):
    """One item of deterministic CBOR and the place after it."""
    kind, size = data[at] >> 5, data[at] & 31
    at += 1
    if kind == 7:
        return {20: False, 21: True, 22: None}[size], at
    if size >= 24:
        width = 1 << size - 24
        size, at = int.from_bytes(data[at:at + width], "big"), at + width
    if kind == 0:
        return size, at
    if kind == 1:
        return -1 - size, at
    if kind in (2, 3):
        text = data[at:at + size]
        return (text if kind == 2 else text.decode()), at + size
    items = []
    for _ in range(size * (2 if kind == 5 else 1)):
        item, at = decode(data, at)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if kind == 5 else items), at


def part(whole, numerator, denominator):
    return whole * numerator // denominator if denominator else 0


def score(units, place, policy):
    """Each account's capped score in the class whose covers stand at `place`."""
    offers = {}
    for unit in units:
        cell, quadrant, fresh, covers = unit[0], unit[1], unit[2], unit[place]
        weights = [weight for _, weight, _ in covers]
        if covers:
            pays = part(fresh, max(weights), ONE)
        for account, weight, _ in covers:
            offers.setdefault(account, {}).setdefault(cell, []).append((-part(pays, weight, sum(weights)), quadrant))
    paid = lambda cells: sum(-pay for offered in cells.values() for pay, _ in sorted(offered)[:policy["quadrants_paid"]])
    return {account: min(paid(cells), policy["cap"]) for account, cells in offers.items()}


def pay(scores, pool, policy):
    total = sum(scores.values())
    return {account: min(part(of, policy["rate"], ONE), part(pool, of, total)) for account, of in scores.items()}


def claim(evidence, policy, paid, treasury):
    """The leaves after the close: what has matured, less corrections, never less than before."""
    epoch, keeper = evidence[3], policy["treasury"]
    matured = {}
    due = [(epoch + policy["delay"], list(paid.items()) + [(keeper, treasury)])] + evidence[11]
    for account, amount in (entry for matures, of in due if matures <= epoch for entry in of):
        matured[account] = matured.get(account, 0) + amount
    before = {account: rest for account, *rest in evidence[10]}
    corrections = dict(evidence[9])
    leaves, kept_back = {}, 0
    for account in set(before) | set(matured) | set(corrections):
        if account != keeper:
            old = before.get(account, [0, 0, 0])
            gain = matured.get(account, 0)
            leaves[account] = max(old[2], old[0] + gain - old[1] - corrections.get(account, 0))
            kept_back += gain - (leaves[account] - old[2])
    leaves[keeper] = before.get(keeper, [0, 0, 0])[2] + matured.get(keeper, 0) + kept_back
    return {account: amount for account, amount in leaves.items() if amount}


def keccak(message):
    """Keccak-256 as Ethereum has it: rate 136, padding 0x01."""
    rate, mask = 136, (1 << 64) - 1
    turn = lambda lane, by: (lane << by | lane >> 64 - by) & mask if by else lane
    message = bytearray(message + b"\1" + bytes(-(len(message) + 1) % rate))
    message[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for begin in range(0, len(message), rate):
        for i in range(rate // 8):
            lanes[i % 5][i // 5] ^= int.from_bytes(message[begin + 8 * i:begin + 8 * i + 8], "little")
        register = 1
        for _ in range(24):
            sums = [a ^ b ^ c ^ d ^ e for a, b, c, d, e in lanes]
            lanes = [[lane ^ sums[x - 1] ^ turn(sums[(x + 1) % 5], 1) for lane in lanes[x]] for x in range(5)]
            x, y, current = 1, 0, lanes[1][0]
            for t in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                current, lanes[x][y] = lanes[x][y], turn(current, (t + 1) * (t + 2) // 2 % 64)
            lanes = [[lanes[x][y] ^ ~lanes[(x + 1) % 5][y] & lanes[(x + 2) % 5][y] for y in range(5)] for x in range(5)]
            for j in range(7):
                register = (register << 1 ^ (register >> 7) * 0x171) & 0xff
                if register & 2:
                    lanes[0][0] ^= 1 << (1 << j) - 1
    return b"".join(lanes[i][0].to_bytes(8, "little") for i in range(4))


def root_of(leaves):
    amounts = {}
    for account, amount in leaves.items():
        if account.startswith("eip155:"):
            address = int(account.rsplit(":", 1)[1], 16)
            amounts[address] = amounts.get(address, 0) + amount
    words = lambda address, amount: address.to_bytes(32, "big") + (amount * 10**12).to_bytes(32, "big")
    nodes = sorted(keccak(keccak(words(address, amount))) for address, amount in amounts.items())
    if not nodes:
        return bytes(32)
    for first in range(0, 2 * len(nodes) - 2, 2):
        nodes.append(keccak(b"".join(sorted(nodes[first:first + 2]))))
    return nodes[-1]


def audit(data):
    evidence, end = decode(data)
    assert end == len(data) and evidence[1] == "wayhex/evidence/1"
    document, _ = decode(evidence[6])
    names = {5: "treasury", 16: "emission", 17: "reminted", 18: "high", 19: "rate", 20: "cap", 21: "quadrants_paid",
             25: "recovery_s", 27: "delay"}
    policy = {name: document[key] for key, name in names.items()}
    accounts = [account for account, _ in evidence[12]]
    pool = policy["emission"] + part(evidence[8], policy["reminted"], ONE)
    pools = {HIGH: part(pool, policy["high"], ONE)}
    pools[LOW] = pool - pools[HIGH]
    scores = {place: score(evidence[13], place, policy) for place in pools}
    payouts = {place: pay(scores[place], pools[place], policy) for place in pools}
    rows = [[accounts[i]] + [of[place].get(i, 0) for of in (scores, payouts) for place in (HIGH, LOW)]
            for i in sorted(set(scores[HIGH]) | set(scores[LOW]))]
    treasury = pool - sum(high + low for *_, high, low in rows)
    length_s = (evidence[5] - evidence[4]) // 1000
    back = min(part(ONE, length_s, policy["recovery_s"]), ONE) if policy["recovery_s"] else ONE
    paid_of = lambda unit: part(unit[2], max([weight for _, weight, _ in unit[HIGH]], default=0), ONE)
    follow = [[unit[0], unit[1], min(ONE, unit[2] - paid_of(unit) + back)] for unit in evidence[13]]
    root = root_of(claim(evidence, policy, {row[0]: row[3] + row[4] for row in rows}, treasury))
    return evidence[14], {1: rows, 2: pool, 3: treasury, 4: follow, 5: root}


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        claimed, recomputed = audit(file.read())
    differing = [name for key, name in NAMES.items() if claimed.get(key) != recomputed[key]]
    print(json.dumps({"root_recomputed": recomputed[5].hex(), "match": claimed == recomputed, "differing": differing,
                      "treasury": str(recomputed[3]), "payouts": {row[0]: str(row[3] + row[4]) for row in recomputed[1]}}))
    sys.exit(0 if claimed == recomputed else 6)
