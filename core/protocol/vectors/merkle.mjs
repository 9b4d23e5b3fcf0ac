// Writes merkle.json: roots and proofs of @openzeppelin/merkle-tree for trees of several sizes.
//
//   npm install @openzeppelin/merkle-tree@1.0.8 && node merkle.mjs > merkle.json      (Node 20)
//
// Addresses and amounts are drawn from hashes of a counter, so that a second run writes the same file. Amounts are in
// millionths; the tree holds them times 10^12.

import { createHash } from "node:crypto";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const MICRO = 10n ** 12n;
const draw = (text, bytes) => createHash("sha256").update(text).digest("hex").slice(0, 2 * bytes);

function leaves(size) {
  return Array.from({ length: size }, (_, i) => {
    // Whole u64 amounts now and then, ordinary ones else; the first of each tree is the largest there is.
    const micros = i === 0 ? 2n ** 64n - 1n : BigInt("0x" + draw(`amount ${size} ${i}`, i % 5 === 4 ? 8 : 5));
    return ["0x" + draw(`address ${size} ${i}`, 20), micros];
  });
}

const trees = [1, 2, 3, 4, 5, 7, 8, 33, 100].map((size) => {
  const named = leaves(size);
  const values = named.map(([address, micros]) => [address, (micros * MICRO).toString()]);
  const tree = StandardMerkleTree.of(values, ["address", "uint256"]);
  const entries = named.map(([address, micros], i) => ({ address, micros: micros.toString(), proof: tree.getProof(i) }));
  return { size, root: tree.root, leaves: entries };
});

const lines = trees.map((tree) => JSON.stringify(tree)).join(",\n");
console.log(`{"made_by": "@openzeppelin/merkle-tree 1.0.8", "trees": [\n${lines}\n]}`);
