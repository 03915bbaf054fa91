'use strict';

// Loaded before bcash. Three of the modules that it asks for are handed out changed.
const Module = require('module');

const load = Module._load;
Module._load = function (request, ...rest) {
  // Its database module asks for a native part when it is loaded, even if all blocks are kept in memory. That part is
  // not compiled here.
  if (request === 'leveldown') return function () {};
  const loaded = load.call(this, request, ...rest);
  // Another version of its database module asks for that part in another way.
  if (request === 'loady') return (name, ...more) => (name === 'leveldown' ? function () {} : loaded(name, ...more));
  // A node whose addresses are all private asks a public name for its own address, whatever its options say; and
  // whoever asks it for its peers makes it ask for their names.
  if (request === 'bdns') {
    const none = async () => {
      throw new Error('nobody outside is asked');
    };
    loaded.getIPv4 = none;
    loaded.getIPv6 = none;
    loaded.lookupService = none;
  }
  return loaded;
};
