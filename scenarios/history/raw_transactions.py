#!/usr/bin/env python3
"""The raw blocks and transactions that the Bitcoin scenarios of this folder contain.

    raw_transactions.py            names, and the ids of what they name
    raw_transactions.py NAME       the bytes of one, in hexadecimal
    raw_transactions.py --check    fails if a scenario of this folder does not contain what it should

Nothing here depends on the clock or on chance, so ids are known before a network starts and a scenario can ask for
them. Each chain begins with a block 1 whose coinbase anybody may spend, so that nobody has to sign anything.

Needs Python 3.8 and nothing else.
"""
import hashlib
import pathlib
import struct
import sys

COIN = 10**8
OP_1, OP_RETURN, OP_PUSHDATA2, OP_DROP = b"\x51", b"\x6a", b"\x4d", b"\x75"
ANYBODY = OP_1  # an output script that is true for whoever spends it
EASIEST = 0x207FFFFF  # the compact form of the target of simnet and regtest: every second hash meets it


# --- how Bitcoin writes things down ----------------------------------------------------------------------------------
def double_sha256(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def shown(identifier):
    """Ids are shown to people with their bytes in reverse."""
    return identifier[::-1].hex()


def count(number):
    if number < 0xFD:
        return bytes([number])
    return b"\xfd" + struct.pack("<H", number)


def counted(data):
    return count(len(data)) + data


class Transaction:
    """`inputs` are (id, index, sequence), `outputs` are (amount, script); nothing is signed."""

    def __init__(self, version, inputs, outputs, scripts=None, witness=None):
        scripts = scripts or [b""] * len(inputs)
        body = count(len(inputs))
        for (identifier, index, sequence), script in zip(inputs, scripts):
            body += identifier + struct.pack("<I", index) + counted(script) + struct.pack("<I", sequence)
        body += count(len(outputs))
        for amount, script in outputs:
            body += struct.pack("<Q", amount) + counted(script)
        start, end = struct.pack("<I", version & 0xFFFFFFFF), bytes(4)
        self.id = double_sha256(start + body + end)
        self.bytes = start + body + end
        if witness is not None:
            stacks = b"".join(count(len(items)) + b"".join(counted(item) for item in items) for items in witness)
            self.bytes = start + b"\x00\x01" + body + stacks + end


class Block:
    """Block 1 on a genesis block, with a coinbase and nothing else."""

    def __init__(self, genesis, time, coinbase):
        nonce = 0
        while True:
            header = struct.pack("<I", 0x20000000) + bytes.fromhex(genesis) + coinbase.id
            header += struct.pack("<III", time, EASIEST, nonce)
            self.id = double_sha256(header)
            if int.from_bytes(self.id, "little") <= 0x7FFFFF << (8 * 29):
                break
            nonce += 1
        self.bytes = header + count(1) + coinbase.bytes


def coinbase(outputs, more=b"\x00"):
    """The coinbase of block 1: its script begins with the height (BIP 34) and has two bytes at least."""
    return Transaction(1, [(bytes(32), 0xFFFFFFFF, 0xFFFFFFFF)], outputs, scripts=[OP_1 + more])


# --- taproot (BIP 341), as far as a spend by script needs it -----------------------------------------------------------
FIELD = 2**256 - 2**32 - 977
GENERATOR = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def add(one, other):
    if one is None or other is None:
        return one or other
    if one[0] == other[0] and one[1] != other[1]:
        return None
    if one == other:
        slope = 3 * one[0] * one[0] * pow(2 * one[1], -1, FIELD)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, FIELD)
    x = (slope * slope - one[0] - other[0]) % FIELD
    return x, (slope * (one[0] - x) - one[1]) % FIELD


def times(point, factor):
    result = None
    while factor:
        if factor & 1:
            result = add(result, point)
        point, factor = add(point, point), factor >> 1
    return result


def tagged_hash(tag, data):
    prefix = hashlib.sha256(tag).digest()
    return hashlib.sha256(prefix + prefix + data).digest()


def taproot(script):
    """Output script for one that `script` spends, and the control block that goes into the witness. The internal key
    is the generator itself: nobody signs with it."""
    internal = GENERATOR[0].to_bytes(32, "big")
    leaf = tagged_hash(b"TapLeaf", b"\xc0" + counted(script))
    tweak = int.from_bytes(tagged_hash(b"TapTweak", internal + leaf), "big")
    x, y = add(GENERATOR, times(GENERATOR, tweak))
    return OP_1 + counted(x.to_bytes(32, "big")), bytes([0xC0 | (y & 1)]) + internal


# --- Bitcoin, simnet: cve-2024-34478.yaml and cve-2022-44797.yaml --------------------------------------------------------
def bitcoin():
    # 25 times: push 520 bytes (the most that an element may have) and drop them. 13 kB in one witness item.
    large_script = (OP_PUSHDATA2 + struct.pack("<H", 520) + b"\x07" * 520 + OP_DROP) * 25 + OP_1
    output, control = taproot(large_script)
    first = coinbase([(25 * COIN, ANYBODY), (25 * COIN, output)])
    left = 25 * COIN - COIN // 100
    return {
        # Genesis and its time: btcd's chaincfg/genesis.go.
        "simnet-block-1": Block(
            "f67ad7695d9b662a72ff3d8edbbb2de0bfa67b13974bb9910d116d5cbd863e68", 1401292357 + 600, first
        ),
        # Version -1 and a relative lock (BIP 68) of 65,535 blocks: read as an unsigned number the version is above 1, and
        # the lock counts; read as a signed one it is below 2, and it does not. The second output makes it large enough for
        # btcd to take it at all.
        "relative-lock": Transaction(-1, [(first.id, 0, 0x0000FFFF)], [(left, ANYBODY), (0, OP_RETURN + counted(b"relative lock"))]),
        "large-witness": Transaction(
            2, [(first.id, 1, 0xFFFFFFFF)], [(left, output)], witness=[[large_script, control]]
        ),
    }


# --- Bitcoin Cash, regtest: bitcoin-cash-2018.yaml ------------------------------------------------------------------------
def bitcoin_cash():
    # A transaction has 100 bytes at least since that upgrade: what is missing is filled up.
    first = coinbase([(50 * COIN, ANYBODY)], more=b"\x20" + bytes(32))
    filling, fee = OP_RETURN + b"\x28" + bytes(40), 5000
    parent = Transaction(2, [(first.id, 0, 0xFFFFFFFF)], [(50 * COIN - fee, ANYBODY), (0, filling)])
    # A child whose id, read as a number, is below its parent's: so the two rules about the order contradict each other.
    number = 0
    while True:
        filling = OP_RETURN + b"\x28" + struct.pack("<I", number) + bytes(36)
        child = Transaction(2, [(parent.id, 0, 0xFFFFFFFF)], [(50 * COIN - 2 * fee, ANYBODY), (0, filling)])
        if int.from_bytes(child.id, "little") < int.from_bytes(parent.id, "little"):
            break
        number += 1
    return {
        # Genesis and its time: bcash's lib/protocol/networks.js.
        "cash-block-1": Block(
            "06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f", 1296688602 + 600, first
        ),
        "cash-parent": parent,
        "cash-child": child,
    }


SCENARIOS = {
    "cve-2024-34478.yaml": ["simnet-block-1", "relative-lock"],
    "cve-2022-44797.yaml": ["simnet-block-1", "large-witness"],
    "bitcoin-cash-2018.yaml": ["cash-block-1", "cash-parent", "cash-child"],
}


def main(arguments):
    made = {**bitcoin(), **bitcoin_cash()}
    if not arguments:
        for name, one in made.items():
            print(f"{name:15} {shown(one.id)} {len(one.bytes)} bytes")
        return 0
    if arguments == ["--check"]:
        folder = pathlib.Path(__file__).parent
        missing = [
            f"{scenario} lacks {name}"
            for scenario, names in SCENARIOS.items()
            for name in names
            if made[name].bytes.hex() not in (folder / scenario).read_text()
        ]
        print("\n".join(missing), end="\n" if missing else "")
        return 1 if missing else 0
    if len(arguments) == 1 and arguments[0] in made:
        print(made[arguments[0]].bytes.hex())
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
