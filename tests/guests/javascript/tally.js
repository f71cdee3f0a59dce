// A tally in JavaScript: it adds up to a limit. Beside `Add` it has a command for each thing that a guest should not do.

// The tests build the second version from this source too, with another version here.
const VERSION = '1.0.0';
const LIMIT = VERSION === '1.1.0' ? 50 : 100;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const encode = (value) => encoder.encode(JSON.stringify(value));
const decode = (bytes) => JSON.parse(decoder.decode(bytes));

const schema = (properties) => JSON.stringify({ type: 'object', properties, required: Object.keys(properties) });
const AMOUNT = schema({ amount: { type: 'integer', minimum: 0 } });
const ADDED = [{ name: 'Added', version: 1 }];
const command = (name, payload) => ({ name, version: 1, schema: payload, produces: ADDED });

// A failure is an object that is thrown; an `Error` is a fault of the guest.
const rejected = (code, message) => ({ tag: 'rejected', val: { code, message, detail: undefined } });
const added = (amount) => [{ name: 'Added', version: 1, payload: encode({ amount }) }];

const handlers = {
  Add(tally, { amount }) {
    if (tally.total + amount > LIMIT) throw rejected('full', `no more than ${LIMIT} fits in`);
    return added(amount);
  },
  // From the command's own seed: the same at each replay.
  AddFromSeed: (tally, _, context) => added(Number(context.seed % 7n)),
  // Both of these the host answers from the command's seed too.
  AddRandom: () => added(Math.floor(Math.random() * 1e9)),
  AddCryptoRandom: () => added(crypto.getRandomValues(new Uint32Array(1))[0]),
  AddNow: () => added(Date.now()),
  Throw: (tally) => overdraw(tally),
  Fetch: () => fetch('https://example.com/rates').then(() => added(1)),
  Wait: () => new Promise((resolve) => setTimeout(resolve, 10)).then(() => added(1)),
};

function overdraw(tally) {
  throw new RangeError(`the tally stands at ${tally.total}`);
}

class Instance {
  constructor(total) {
    this.total = total;
  }

  static restore(aggregateType, id, snapshot) {
    return new Instance(snapshot ? decode(snapshot).total : 0);
  }

  combine({ events, payloads }) {
    let start = 0;
    for (const { size } of events) {
      this.total += decode(payloads.subarray(start, start + size)).amount;
      start += size;
    }
  }

  handle({ name, payload }, context) {
    const handler = handlers[name];
    if (!handler) throw { tag: 'unknown', val: name };
    try {
      return handler(this, decode(payload), context);
    } catch (error) {
      // Of an `Error` that leaves `handle`, the tool reports the message, and the stack of its own code.
      if (error instanceof Error) console.error(`${error}\n${error.stack}`);
      throw error;
    }
  }

  snapshot() {
    return encode({ total: this.total });
  }
}

export const plugin = {
  describe: () => ({
    name: 'tally',
    version: VERSION,
    payloadFormat: 'application/json',
    aggregates: [
      {
        name: 'Tally',
        snapshotEvery: 5,
        commands: Object.keys(handlers).map((name) => command(name, name === 'Add' ? AMOUNT : schema({}))),
        events: [{ name: 'Added', version: 1, schema: AMOUNT, upcastsTo: undefined }],
      },
    ],
  }),
};

export const aggregate = { Instance, upcast: (aggregateType, event) => event };
