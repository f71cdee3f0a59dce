"""A ledger in Python: it holds a balance that may not fall below zero. Beside `Post` it has a command for each thing that a
guest should not do."""

import json
import random
import socket
import time

from componentize_py_types import Err
from wit_world.exports import aggregate
from wit_world.imports.types import Context, EventBatch, Failure_Rejected, Failure_Unknown, Message, Rejection

# The tests build the second version from this source too, with another version here.
VERSION = "1.0.0"
LIMIT = 50 if VERSION == "1.1.0" else 100


def encode(value):
    return json.dumps(value, separators=(",", ":")).encode()


def schema(**properties):
    return json.dumps({"type": "object", "properties": properties, "required": list(properties)})


def posted(amount):
    return [Message("Posted", 1, encode({"amount": amount}))]


def post(ledger, command, context):
    amount = command["amount"]
    if not 0 <= ledger.balance + amount <= LIMIT:
        raise Err(Failure_Rejected(Rejection("limit", f"the balance stays between 0 and {LIMIT}", None)))
    return posted(amount)


def post_from_seed(ledger, command, context):
    """A generator of its own, from the command's seed: the same at each replay."""
    return posted(random.Random(context.seed).randrange(7))


def post_random(ledger, command, context):
    """From the module's generator, which is seeded once and goes on from call to call."""
    return posted(int(random.random() * 1e9))


def post_system_random(ledger, command, context):
    return posted(random.SystemRandom().randrange(1_000_000_000))


def post_now(ledger, command, context):
    return posted(time.time_ns() // 1_000)


def raise_error(ledger, command, context):
    overdraw(ledger)


def overdraw(ledger):
    raise ValueError(f"the balance is {ledger.balance}")


def read_file(ledger, command, context):
    try:
        with open("/etc/passwd") as file:
            return posted(len(file.read()))
    except OSError as error:
        raise Err(Failure_Rejected(Rejection("no-file", type(error).__name__, None)))


def connect(ledger, command, context):
    socket.socket().connect(("127.0.0.1", 80))
    return posted(1)


def sleep(ledger, command, context):
    time.sleep(0.01)
    return posted(1)


HANDLERS = {
    "Post": post,
    "PostFromSeed": post_from_seed,
    "PostRandom": post_random,
    "PostSystemRandom": post_system_random,
    "PostNow": post_now,
    "Raise": raise_error,
    "ReadFile": read_file,
    "Connect": connect,
    "Sleep": sleep,
}


class Instance(aggregate.Instance):
    def __init__(self, balance):
        self.balance = balance

    @classmethod
    def restore(cls, aggregate_type, id, snapshot):
        return cls(json.loads(snapshot)["balance"] if snapshot is not None else 0)

    def combine(self, events: EventBatch):
        start = 0
        for event in events.events:
            self.balance += json.loads(events.payloads[start : start + event.size])["amount"]
            start += event.size

    def handle(self, command: Message, context: Context):
        handler = HANDLERS.get(command.name)
        if handler is None:
            raise Err(Failure_Unknown(command.name))
        return handler(self, json.loads(command.payload), context)

    def snapshot(self):
        return encode({"balance": self.balance})


