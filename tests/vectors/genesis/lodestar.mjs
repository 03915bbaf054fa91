// Makes NAME.state.json with the types and functions of Lodestar: node lodestar.mjs NAME FORK, with the folder
// of the input files in VECTORS (the current one, if absent) and the preset in LODESTAR_PRESET. README.md beside this file
// says what must be installed.
import {createHash} from "node:crypto";
import {readFileSync, writeFileSync} from "node:fs";
import {chainConfigFromJson, createChainForkConfig} from "@lodestar/config";
import {ACTIVE_PRESET, EPOCHS_PER_HISTORICAL_VECTOR, ForkSeq, MAX_EFFECTIVE_BALANCE, UNSET_DEPOSIT_REQUESTS_START_INDEX} from "@lodestar/params";
import {getEffectiveBalanceIncrementsWithLen, getNextSyncCommittee, interopSecretKeys} from "@lodestar/state-transition";
import {ssz} from "@lodestar/types";

const [name, fork] = process.argv.slice(2);
const folder = process.env.VECTORS ?? ".";
const read = (file) => readFileSync(`${folder}/${file}`, "utf8");

const lines = read(`${name}.config.yaml`).split("\n").filter((line) => line.includes(": "));
const config = createChainForkConfig(chainConfigFromJson(Object.fromEntries(
  lines.map((line) => line.split(": ")).filter(([key]) => key !== "PRESET_BASE" && key !== "SLOTS_PER_EPOCH"))));
const previous = {deneb: config.CAPELLA_FORK_VERSION, electra: config.DENEB_FORK_VERSION}[fork];
const current = {deneb: config.DENEB_FORK_VERSION, electra: config.ELECTRA_FORK_VERSION}[fork];
const types = ssz[fork];

// The first execution block is the one of prysmctl's vector for the same execution genesis; only the root of the empty list
// of withdrawals is another one, as its limit is.
const prysm = JSON.parse(read(`${fork}.state.json`));
const headerHex = prysm.fields.find((field) => field.name === "latest_execution_payload_header").hex;
const header = types.ExecutionPayloadHeader.deserialize(Buffer.from(headerHex, "hex"));
header.withdrawalsRoot = ssz.capella.Withdrawals.hashTreeRoot([]);

const state = types.BeaconState.defaultViewDU();
state.genesisTime = header.timestamp;
state.fork = ssz.phase0.Fork.toViewDU({previousVersion: previous, currentVersion: current, epoch: 0});
state.latestBlockHeader = ssz.phase0.BeaconBlockHeader.toViewDU({
  ...ssz.phase0.BeaconBlockHeader.defaultValue(),
  bodyRoot: types.BeaconBlockBody.hashTreeRoot(types.BeaconBlockBody.defaultValue()),
});
state.eth1Data = ssz.phase0.Eth1Data.toViewDU({
  depositRoot: ssz.phase0.DepositDataRootList.hashTreeRoot([]), depositCount: 0, blockHash: header.blockHash,
});
state.randaoMixes = ssz.phase0.RandaoMixes.toViewDU(Array(EPOCHS_PER_HISTORICAL_VECTOR).fill(header.blockHash));
const count = Number(config.MIN_GENESIS_ACTIVE_VALIDATOR_COUNT);
const balances = getEffectiveBalanceIncrementsWithLen(count);
interopSecretKeys(count).forEach((secret, index) => {
  const pubkey = secret.toPublicKey().toBytes();
  const withdrawalCredentials = createHash("sha256").update(pubkey).digest();
  withdrawalCredentials[0] = 0;
  state.validators.push(ssz.phase0.Validator.toViewDU({
    pubkey, withdrawalCredentials, effectiveBalance: MAX_EFFECTIVE_BALANCE, slashed: false,
    activationEligibilityEpoch: 0, activationEpoch: 0, exitEpoch: Infinity, withdrawableEpoch: Infinity,
  }));
  state.balances.push(MAX_EFFECTIVE_BALANCE);
  state.previousEpochParticipation.push(0);
  state.currentEpochParticipation.push(0);
  state.inactivityScores.push(0);
  balances[index] = 32;
});
state.commit();
state.genesisValidatorsRoot = state.validators.hashTreeRoot();
const everybody = new Uint32Array(count).map((_, index) => index);
const {syncCommittee} = getNextSyncCommittee(ForkSeq[fork], state, everybody, balances);
state.currentSyncCommittee = ssz.altair.SyncCommittee.toViewDU(syncCommittee);
state.nextSyncCommittee = ssz.altair.SyncCommittee.toViewDU(syncCommittee);
state.latestExecutionPayloadHeader = types.ExecutionPayloadHeader.toViewDU(header);
if (fork === "electra") state.depositRequestsStartIndex = UNSET_DEPOSIT_REQUESTS_START_INDEX;
state.commit();

const snake = (camel) => camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const described = (bytes) => ({length: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex")});
const value = state.toValue();
const fields = Object.entries(types.BeaconState.fields).map(([field, type]) => {
  const bytes = type.serialize(value[field]);
  const hex = bytes.length <= 1024 ? {hex: Buffer.from(bytes).toString("hex")} : {};
  return {name: snake(field), ...described(bytes), ...hex};
});
writeFileSync(`${folder}/${name}.state.json`, `${JSON.stringify({...described(state.serialize()), differs: {}, fields}, null, 1)}\n`);
console.log(`${name}: ${fork}, preset ${ACTIVE_PRESET}, root ${Buffer.from(state.hashTreeRoot()).toString("hex")}`);
