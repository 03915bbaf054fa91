// Loaded before the client: puts the node's key where the client keeps its own (it makes one up at its first start and
// has no option for a given one), so that a node's enode is known before it ever ran.
const { Level } = require('level');

// The value of an option, written as `--name=value`.
function option(name) {
  const word = process.argv.find((word) => word.startsWith(`--${name}=`));
  return word && word.slice(name.length + 3);
}

module.exports = (async () => {
  const key = process.env.ETHEREUMJS_NODE_KEY;
  const [data, genesis] = [option('dataDir'), option('gethGenesis')];
  if (!key || !data || !genesis) return;
  const chain = genesis.split('/').pop().split('.')[0];
  require('fs').mkdirSync(`${data}/${chain}`, { recursive: true });
  const settings = new Level(`${data}/${chain}/config`);
  await settings.put('config:client_key', Buffer.from(key, 'hex'), { keyEncoding: 'utf8', valueEncoding: 'view' });
  await settings.close();
})();
