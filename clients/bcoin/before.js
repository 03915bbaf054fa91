'use strict';

// Loaded before bcoin. Its database module asks for a native part when it is loaded, even if all blocks are kept in
// memory. That part is not compiled here, so an empty stand-in is handed out in its place.
const Module = require('module');

const load = Module._load;
Module._load = function (request, ...rest) {
  return request === 'leveldown' ? function () {} : load.call(this, request, ...rest);
};
