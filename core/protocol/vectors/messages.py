"""Writes messages.json: golden vectors of the wire format, good and bad, from an implementation of its own.

Everything here is made with cbor2 and cryptography from wire.md alone, so that the Rust reader and this writer check each other:

    python3 -m pip install cbor2 cryptography
    python3 core/protocol/vectors/messages.py > core/protocol/vectors/messages.json

It is deterministic (P-256 by RFC 6979), and `cargo xtask test` compares what it prints with the committed file.
"""

import hashlib
import json

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

NETWORK = "wayhex-test"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def cbor(value):
    return cbor2.dumps(value, canonical=True)


def ordered_map(entries):
    """A map whose keys are ascending integers, absent values left out: RFC 8949 orders by encoded bytes, which is that."""
    return {key: value for key, value in sorted(entries.items()) if value is not None}


class Ed25519Key:
    def __init__(self, seed):
        self.private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        raw = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.cose = b"\xa3\x01\x01\x20\x06\x21" + cbor(raw)
        self.alg = -19

    def sign(self, message):
        return self.private.sign(message)


class P256Key:
    def __init__(self, scalar):
        self.private = ec.derive_private_key(scalar, ec.SECP256R1())
        point = self.private.public_key().public_numbers()
        self.cose = b"\xa4\x01\x02\x20\x01\x21" + cbor(point.x.to_bytes(32, "big")) + b"\x22" + cbor(point.y.to_bytes(32, "big"))
        self.alg = -9

    def sign(self, message, high=False):
        r, s = utils.decode_dss_signature(self.private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        if (s > P256_ORDER // 2) != high:
            s = P256_ORDER - s
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def envelope(key, domain, payload, network=NETWORK, alg=None, kid=None, unprotected=b"\xa0", signature=None, tag=b"\xd2", **sign):
    kid = kid if kid is not None else hashlib.sha256(key.cose).digest()
    protected = cbor({1: alg if alg is not None else key.alg, 4: kid})
    structure = cbor(["Signature1", protected, cbor([domain, network]), payload])
    signature = signature if signature is not None else key.sign(structure, **sign)
    return tag + b"\x84" + cbor(protected) + unprotected + cbor(payload) + cbor(signature)


DEVICE = Ed25519Key(bytes(range(32)))
ENCLAVE = P256Key(0x1234567890ABCDEF1234567890ABCDEF)
SERVER = Ed25519Key(bytes(range(100, 132)))
POLICY_HASH = hashlib.sha256(b"a policy").digest()
PICTURE_HASH = hashlib.sha256(b"a picture").digest()
MODEL_HASH = hashlib.sha256(b"a model").digest()

FULL = {
    "kind": 1,
    "session": bytes(range(16)).hex(),
    "sequence": 7,
    "captured_at_ms": 1_765_835_621_771,
    "time_source": 1,
    "segment": [[377968769, -1223954125, 1032], [377969353, -1223954664, 500], [377969932, -1223955206, 0]],
    "fix": {"accuracy_mm": 4500, "satellites": 9, "hdop_milli": 900},
    "motion": {"speed_mm_s": 8200, "yaw_mdeg": -1250, "acceleration_spread_mm_s2": 310},
    "media": [[PICTURE_HASH.hex(), 198765, 2028, 1024]],
    "redaction": {"version": 1, "models": [[1, MODEL_HASH.hex()]], "faces": 2, "plates": 0},
    "quality": 211,
    "policy": POLICY_HASH.hex(),
    "salt": bytes(range(16, 32)).hex(),
}
SPARSE = FULL | {
    "sequence": 0,
    "time_source": 3,
    "segment": [[-900000000, 1800000000, 0]],
    "fix": {},
    "motion": {},
    "redaction": {"version": 1, "models": [], "faces": 0, "plates": 0},
    "quality": 0,
}


def fix(f):
    return ordered_map({1: f.get("accuracy_mm"), 2: f.get("satellites"), 3: f.get("hdop_milli")})


def motion(m):
    return ordered_map({1: m.get("speed_mm_s"), 2: m.get("yaw_mdeg"), 3: m.get("acceleration_spread_mm_s2")})


def observation_map(o):
    return {
        1: o["kind"],
        2: bytes.fromhex(o["session"]),
        3: o["sequence"],
        4: o["captured_at_ms"],
        5: o["time_source"],
        6: o["segment"],
        7: fix(o["fix"]),
        8: motion(o["motion"]),
        9: [[bytes.fromhex(h), size, width, height] for h, size, width, height in o["media"]],
        10: {
            1: o["redaction"]["version"],
            2: [[role, bytes.fromhex(h)] for role, h in o["redaction"]["models"]],
            3: o["redaction"]["faces"],
            4: o["redaction"]["plates"],
        },
        11: o["quality"],
        12: bytes.fromhex(o["policy"]),
        13: bytes.fromhex(o["salt"]),
    }


OBSERVATION = "wayhex/observation/1"


def good_observation(name, fields, key):
    payload = cbor(observation_map(fields))
    device = hashlib.sha256(key.cose).digest()
    return {
        "name": name,
        "message": "observation",
        "fields": fields,
        "key": key.cose.hex(),
        "device": device.hex(),
        "payload": payload.hex(),
        "id": hashlib.sha256(cbor(["wayhex/id/1", device, payload])).hexdigest(),
        "envelope": envelope(key, OBSERVATION, payload).hex(),
    }


def good_receipt(name, verdict, reason, retry):
    observation_id = hashlib.sha256(b"an observation").digest()
    fields = {1: observation_id, 2: verdict, 3: reason, 4: retry, 5: 12, 6: 1_765_835_700_000}
    entries = [(key, value) for key, value in fields.items() if value is not None] + [(7, None)]
    payload = bytes([0xA0 | len(entries)]) + b"".join(cbor(key) + cbor(value) for key, value in entries)
    return {
        "name": name,
        "message": "receipt",
        "fields": {"id": observation_id.hex(), "verdict": verdict, "reason": reason, "epoch": 12, "server_time_ms": fields[6]},
        "key": SERVER.cose.hex(),
        "payload": payload.hex(),
        "envelope": envelope(SERVER, "wayhex/receipt/1", payload).hex(),
    }


def good_registration(name, key, account):
    nonce = hashlib.sha256(b"a nonce").digest()
    fields = {"nonce": nonce.hex(), "origin": "https://ingest.example", "network": NETWORK, "account": account, "binding": 3}
    payload = cbor({1: key.cose, 2: nonce, 3: fields["origin"], 4: NETWORK, 5: account, 6: 3})
    return {
        "name": name,
        "message": "registration",
        "fields": fields,
        "key": key.cose.hex(),
        "payload": payload.hex(),
        "envelope": envelope(key, "wayhex/register/1", payload).hex(),
    }


def good_token(name):
    fields = {"audience": "https://ingest.example", "issued_at_s": 1_765_835_700, "method": "GET", "path": "/v1/me/items?cursor=9"}
    payload = cbor({3: fields["audience"], 4: fields["issued_at_s"] + 60, 6: fields["issued_at_s"], 256: "GET", 257: fields["path"]})
    return {
        "name": name,
        "message": "token",
        "fields": fields,
        "key": DEVICE.cose.hex(),
        "payload": payload.hex(),
        "envelope": envelope(DEVICE, "wayhex/token/1", payload).hex(),
    }


PARAMETERS = {
    "emission_micros": 10_000_000_000, "burn_reminted_micros": 250_000, "high_class_micros": 900_000, "rate_micros": 1_000_000,
    "score_cap_micros": 5_000_000_000, "quadrants_paid": 2, "latency_full_ms": 86_400_000, "latency_last_ms": 864_000_000,
    "latency_last_micros": 500_000, "freshness_recovery_s": 604_800, "epoch_length_s": 86_400, "claim_delay_epochs": 7,
    "coverage_delay_s": 86_400, "coverage_step_s": 86_400, "accuracy_full_mm": 10_000, "accuracy_last_mm": 25_000,
    "satellites_min": 4, "hdop_max_milli": 4_000, "version_min": 1,
}


def good_policy(name, changes):
    parameters = PARAMETERS | changes
    fields = {
        "version": 3, "valid_from_ms": 1_765_000_000_000, "valid_until_ms": 4_102_444_800_000,
        "treasury": "eip155:1:0x000000000000000000000000000000000000dead", "models": [[1, MODEL_HASH.hex()]], "parameters": parameters,
    }
    head = {1: 3, 2: NETWORK, 3: fields["valid_from_ms"], 4: fields["valid_until_ms"], 5: fields["treasury"], 6: [[1, MODEL_HASH]]}
    payload = cbor(head | dict(enumerate(parameters.values(), start=16)))
    return {
        "name": name,
        "message": "policy",
        "fields": fields,
        "key": SERVER.cose.hex(),
        "payload": payload.hex(),
        "sha256": hashlib.sha256(payload).hexdigest(),
        "envelope": envelope(SERVER, "wayhex/policy/1", payload).hex(),
    }


def bad(name, error, envelope_bytes, key=DEVICE):
    return {"name": name, "message": "observation", "key": key.cose.hex(), "envelope": envelope_bytes.hex(), "error": error}


def bad_observations():
    fields = observation_map(FULL)
    payload = cbor(fields)
    sealed = envelope(DEVICE, OBSERVATION, payload)

    def with_payload(name, error, changed):
        return bad(name, error, envelope(DEVICE, OBSERVATION, changed))

    def without(key):
        return cbor({k: v for k, v in fields.items() if k != key})

    swapped = payload[:1] + payload[3:21] + payload[1:3] + payload[21:]
    yield bad("empty", "malformed", b"")
    yield bad("cut_short", "malformed", sealed[:-1])
    yield bad("followed_by_a_byte", "not_canonical", sealed + b"\x00")
    yield bad("without_its_tag", "malformed", sealed[1:])
    yield bad("another_tag", "range", b"\xd1" + sealed[1:])
    yield bad("something_unprotected", "range", envelope(DEVICE, OBSERVATION, payload, unprotected=b"\xa1\x01\x01"))
    yield bad("a_flipped_bit_in_the_signature", "signature", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    yield bad("another_message_type", "signature", envelope(DEVICE, "wayhex/receipt/1", payload))
    yield bad("another_network", "signature", envelope(DEVICE, OBSERVATION, payload, network="wayhex-other"))
    yield bad("another_algorithm", "algorithm", envelope(DEVICE, OBSERVATION, payload, alg=-9))
    yield bad("another_devices_key", "unknown_signer", envelope(DEVICE, OBSERVATION, payload, kid=hashlib.sha256(b"x").digest()))
    yield bad("a_high_s", "signature", envelope(ENCLAVE, OBSERVATION, payload, high=True), key=ENCLAVE)
    yield with_payload("an_unknown_key", "unknown_key", cbor(fields | {14: 0}))
    yield with_payload("a_field_missing", "missing", without(6))
    yield with_payload("keys_out_of_order", "not_canonical", swapped)
    yield with_payload("a_key_twice", "not_canonical", b"\xae" + payload[1:3] + payload[1:])
    yield with_payload("a_long_head", "not_canonical", payload.replace(b"\x03\x07", b"\x03\x18\x07", 1))
    yield with_payload("an_indefinite_map", "not_canonical", b"\xbf" + payload[1:] + b"\xff")
    yield with_payload("a_text_for_a_number", "malformed", cbor(fields | {3: "7"}))
    yield with_payload("a_float_for_a_number", "malformed", cbor(fields | {4: 1.5}))
    yield with_payload("a_latitude_beyond_the_pole", "range", cbor(fields | {6: [[900000001, 0, 0]]}))
    yield with_payload("no_vertex", "range", cbor(fields | {6: []}))
    yield with_payload("nine_vertices", "too_large", cbor(fields | {6: [[0, i, 0] for i in range(9)]}))
    yield with_payload("times_that_rise", "range", cbor(fields | {6: [[0, 0, 0], [0, 1, 5]]}))
    yield with_payload("two_pictures", "too_large", cbor(fields | {9: observation_map(FULL)[9] * 2}))
    yield with_payload("a_short_hash", "range", cbor(fields | {12: b"\x00" * 31}))
    yield with_payload("an_unknown_kind", "range", cbor(fields | {1: 9}))
    yield with_payload("nesting_for_a_number", "malformed", cbor(fields)[:2] + b"\x81" * 500 + b"\x00")
    yield with_payload("a_payload_beyond_the_limit", "too_large", cbor(fields | {13: b"\x00" * 4096}))


class Raw:
    """A part of a message that stands as it is."""

    def __init__(self, encoding):
        self.encoding = encoding


def part(value):
    return value.encoding if isinstance(value, Raw) else cbor(value)


def map_of(entries):
    """A map of these pairs in this order, legal or not."""
    head = bytes([0xA0 | len(entries)]) if len(entries) < 24 else bytes([0xB8, len(entries)])
    return head + b"".join(part(key) + part(value) for key, value in entries)


class Message:
    """A message type: its domain, its signer, the entries of a good one, and the most bytes that its payload may have."""

    def __init__(self, name, domain, key, entries, bytes_max):
        self.name, self.domain, self.key, self.entries, self.bytes_max = name, domain, key, entries, bytes_max

    def bad(self, name, error, payload, key=None):
        key = key or self.key
        sealed = envelope(key, self.domain, payload)
        return {"name": f"{self.name}_{name}", "message": self.name, "key": key.cose.hex(), "envelope": sealed.hex(), "error": error}

    def with_value(self, key, value):
        return map_of([(k, value if k == key else v) for k, v in self.entries])

    def broken(self):
        """What is wrong with any map, whatever it says."""
        good, entries = map_of(self.entries), self.entries
        first, last = entries[0], entries[-1]
        head = len(good) - sum(len(part(k)) + len(part(v)) for k, v in entries)
        yield self.bad("empty", "malformed", b"")
        yield self.bad("cut_short", "malformed", good[:-1])
        yield self.bad("followed_by_a_byte", "not_canonical", good + b"\x00")
        yield self.bad("that_is_a_list", "malformed", b"\x80")
        yield self.bad("with_a_key_twice", "not_canonical", map_of([first] + entries))
        yield self.bad("with_keys_out_of_order", "not_canonical", map_of([entries[1], first] + entries[2:]))
        yield self.bad("with_an_unknown_key", "unknown_key", map_of(entries + [(last[0] + 1_000, 0)]))
        yield self.bad("with_a_text_for_a_key", "malformed", map_of([("1", 0)] + entries))
        yield self.bad("without_its_first_field", "missing", map_of(entries[1:]))
        yield self.bad("with_a_long_head", "not_canonical", map_of([(Raw(bytes([0x18, first[0]])), first[1])] + entries[1:]))
        yield self.bad("with_a_long_head_of_its_map", "not_canonical", bytes([0xB9, 0, len(entries)]) + good[head:])
        yield self.bad("in_an_indefinite_map", "not_canonical", b"\xbf" + good[head:] + b"\xff")
        yield self.bad("that_announces_more_entries_than_it_has", "malformed", b"\xba\xff\xff\xff\xff" + good[head:])
        for kind, value in [
            ("a_float", Raw(b"\xf9\x3c\x00")), ("a_simple_value", Raw(b"\xf7")), ("a_tag", Raw(b"\xc1" + part(first[1]))),
            ("a_bignum", Raw(b"\xc2\x49" + b"\x01" * 9)), ("a_negative_number", -1), ("nesting", Raw(b"\x81" * 200 + b"\x00")),
            ("an_indefinite_string", Raw(b"\x5f\x41\x00\xff")), ("a_string_of_4_GiB", Raw(b"\x5a\xff\xff\xff\xff")),
        ]:
            yield self.bad(f"with_{kind}_for_its_first_value", "malformed", self.with_value(first[0], value))
        yield self.bad("one_byte_beyond_the_limit", "too_large", b"\x00" * (self.bytes_max + 1))
        yield self.bad("far_beyond_the_limit", "too_large", b"\x00" * (self.bytes_max + 1_000))


ORIGIN, NONCE = "https://ingest.example", hashlib.sha256(b"a nonce").digest()
ACCOUNT = "eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb"


def bad_registrations():
    entries = [(1, DEVICE.cose), (2, NONCE), (3, ORIGIN), (4, NETWORK), (5, ACCOUNT), (6, 3)]
    message = Message("registration", "wayhex/register/1", DEVICE, entries, 1_024)
    yield from message.broken()
    for name, error, key, value in [
        ("with_a_short_nonce", "range", 2, NONCE[:-1]), ("with_a_long_nonce", "range", 2, NONCE + b"\x00"),
        ("with_a_text_for_its_nonce", "malformed", 2, "nonce"), ("with_bytes_for_its_origin", "malformed", 3, ORIGIN.encode()),
        ("with_an_endless_origin", "too_large", 3, "h" * 257), ("with_an_origin_that_is_no_text", "malformed", 3, Raw(b"\x62\xc3\x28")),
        ("for_a_network_that_is_none", "range", 4, "Wayhex!"), ("for_an_account_that_is_none", "range", 5, "somebody"),
        ("for_an_account_in_upper_case", "not_canonical", 5, ACCOUNT.upper().replace("EIP155:1:0X", "eip155:1:0x")),
        ("for_an_endless_account", "too_large", 5, "eip155:1:0x" + "a" * 200), ("bound_by_a_text", "malformed", 6, "3"),
        ("by_a_key_with_its_algorithm", "unknown_key", 1, b"\xa4\x01\x01\x03\x32" + DEVICE.cose[3:]),
        ("by_a_key_that_is_none", "malformed", 1, b"key"), ("by_a_key_and_more", "not_canonical", 1, DEVICE.cose + b"\x00"),
    ]:
        yield message.bad(name, error, message.with_value(key, value))
    yield message.bad("signed_by_another_key_than_it_carries", "unknown_signer", map_of(entries), key=ENCLAVE)


def bad_tokens():
    issued = 1_765_835_700
    entries = [(3, ORIGIN), (4, issued + 60), (6, issued), (256, "GET"), (257, "/v1/me/items")]
    message = Message("token", "wayhex/token/1", DEVICE, entries, 1_024)
    yield from message.broken()
    for name, error, key, value in [
        ("that_lives_longer", "not_canonical", 4, issued + 61), ("that_never_ends", "not_canonical", 4, 2**64 - 1),
        ("with_a_text_for_its_time", "malformed", 6, str(issued)), ("for_an_endless_origin", "too_large", 3, "h" * 257),
        ("for_an_endless_path", "too_large", 257, "/" * 257), ("for_bytes_as_a_path", "malformed", 257, b"/v1/me/items"),
    ]:
        yield message.bad(name, error, message.with_value(key, value))


def bad_receipts():
    observation_id = hashlib.sha256(b"an observation").digest()
    entries = [(1, observation_id), (2, 2), (3, 114), (4, 1), (5, 12), (6, 1_765_835_700_000), (7, Raw(b"\xf6"))]
    message = Message("receipt", "wayhex/receipt/1", SERVER, entries, 256)
    yield from message.broken()
    for name, error, key, value in [
        ("with_a_short_id", "range", 1, observation_id[:-1]), ("with_an_unknown_verdict", "range", 2, 3),
        ("that_accepts_with_a_reason", "range", 2, 1), ("with_an_unlisted_reason", "range", 3, 9_999),
        ("with_a_reason_beyond_16_bits", "malformed", 3, 65_536 + 114), ("with_another_reasons_retry", "range", 4, 2),
        ("with_an_unknown_retry", "range", 4, 9), ("with_a_negative_epoch", "malformed", 5, -1),
        ("with_a_float_for_its_time", "malformed", 6, 1.5), ("with_a_proof_that_is_none", "malformed", 7, 0),
    ]:
        yield message.bad(name, error, message.with_value(key, value))
    yield message.bad("that_refuses_without_a_reason", "range", map_of([entry for entry in entries if entry[0] not in (3, 4)]))
    yield message.bad("that_refuses_without_its_retry", "range", map_of([entry for entry in entries if entry[0] != 4]))


def bad_policies():
    head = [(1, 3), (2, NETWORK), (3, 0), (4, 4_102_444_800_000), (5, ACCOUNT), (6, [[1, MODEL_HASH]])]
    entries = head + list(enumerate(PARAMETERS.values(), start=16))
    message = Message("policy", "wayhex/policy/1", SERVER, entries, 16_384)
    yield from message.broken()
    for name, error, key, value in [
        ("for_a_network_that_is_none", "range", 2, ""), ("with_a_text_for_its_end", "malformed", 4, "never"),
        ("with_a_treasury_that_is_none", "range", 5, "nobody"), ("with_33_models", "too_large", 6, [[1, MODEL_HASH]] * 33),
        ("with_a_model_of_no_role", "range", 6, [[3, MODEL_HASH]]), ("with_a_short_hash", "range", 6, [[1, MODEL_HASH[:-1]]]),
        ("with_a_model_of_three_parts", "range", 6, [[1, MODEL_HASH, 0]]), ("with_a_model_that_is_a_map", "malformed", 6, [{1: MODEL_HASH}]),
        ("with_models_without_end", "not_canonical", 6, Raw(b"\x9f\xff")), ("with_a_text_for_a_parameter", "malformed", 16, "much"),
        ("with_a_parameter_beyond_64_bits", "malformed", 17, 2**64),
    ]:
        yield message.bad(name, error, message.with_value(key, value))
    yield message.bad("without_its_last_parameter", "missing", map_of(entries[:-1]))


def bad_keys():
    """COSE_Key by itself: nobody signs it."""
    x, y = ENCLAVE.cose[6:40], ENCLAVE.cose[41:]
    good, point = DEVICE.cose, DEVICE.cose[5:]

    def key(name, error, encoding):
        return {"name": f"key_{name}", "message": "key", "bytes": encoding.hex(), "error": error}

    yield key("empty", "malformed", b"")
    yield key("cut_short", "malformed", good[:-1])
    yield key("followed_by_a_byte", "not_canonical", good + b"\x00")
    yield key("that_is_a_list", "malformed", b"\x83" + good[1:])
    yield key("in_an_indefinite_map", "not_canonical", b"\xbf" + good[1:] + b"\xff")
    yield key("that_announces_more_than_it_has", "malformed", b"\xba\xff\xff\xff\xff" + good[1:])
    yield key("with_its_algorithm", "unknown_key", b"\xa4\x01\x01\x03\x32" + good[3:])
    yield key("with_a_kid", "unknown_key", b"\xa4\x01\x01\x02\x41\x00" + good[3:])
    yield key("with_a_parameter_twice", "not_canonical", b"\xa4\x01\x01" + good[1:])
    yield key("out_of_order", "not_canonical", b"\xa3\x20\x06\x01\x01\x21" + point[1:])
    yield key("with_a_long_head", "not_canonical", b"\xa3\x18\x01\x01" + good[3:])
    yield key("without_a_point", "missing", b"\xa2\x01\x01\x20\x06")
    yield key("with_a_short_point", "range", good[:-33] + b"\x1f" + good[-31:])
    yield key("with_a_text_for_its_point", "malformed", good[:6] + b"\x61x")
    yield key("with_nesting_for_its_type", "malformed", b"\xa3\x01" + b"\x81" * 100 + b"\x00")
    yield key("of_another_curve", "range", b"\xa3\x01\x01\x20\x04\x21" + point[1:])
    yield key("of_ed25519_that_says_p256", "range", b"\xa3\x01\x01\x20\x01\x21" + point[1:])
    yield key("of_p256_that_says_ed25519", "range", b"\xa4\x01\x02\x20\x06\x21" + x + b"\x22" + y)
    yield key("of_ed25519_with_a_second_coordinate", "range", b"\xa4" + good[1:] + b"\x22" + y)
    yield key("of_p256_without_its_second_coordinate", "range", b"\xa3\x01\x02\x20\x01\x21" + x)
    yield key("of_p256_with_a_compressed_point", "malformed", b"\xa4\x01\x02\x20\x01\x21" + x + b"\x22\xf5")
    yield key("with_its_private_half", "unknown_key", b"\xa4" + good[1:] + b"\x23" + y)
    yield key("beyond_the_limit", "too_large", b"\x00" * 129)


def main():
    enclave_full = FULL | {"sequence": 8}
    good = [
        good_observation("a_full_observation", FULL, DEVICE),
        good_observation("a_sparse_observation_at_the_edge_of_the_map", SPARSE, DEVICE),
        good_observation("an_observation_signed_by_an_enclave", enclave_full, ENCLAVE),
        good_receipt("accepted", 1, None, None),
        good_receipt("refused_for_ever", 2, 114, 1),
        good_receipt("refused_for_now", 2, 150, 2),
        good_registration("a_registration", DEVICE, "eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb"),
        good_registration("a_registration_by_an_enclave", ENCLAVE, "hedera:mainnet:0.0.1234567890-zbhlt"),
        good_token("a_token"),
        good_policy("a_policy_with_the_genesis_parameters", {}),
        good_policy("a_policy_of_a_demo", {"claim_delay_epochs": 0, "coverage_delay_s": 0, "coverage_step_s": 1}),
    ]
    bad = [*bad_observations(), *bad_registrations(), *bad_tokens(), *bad_receipts(), *bad_policies(), *bad_keys()]
    vectors = {"network": NETWORK, "good": good, "bad": bad}
    print(json.dumps(vectors, indent=1))


if __name__ == "__main__":
    main()
