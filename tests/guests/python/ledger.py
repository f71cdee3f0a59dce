"""What the plugin is. `componentize-py` looks for the exported resource in a module of the interface's name: `aggregate.py`."""

from aggregate import HANDLERS, VERSION, schema
from wit_world import exports
from wit_world.exports.plugin import AggregateType, CommandType, EventType, Manifest
from wit_world.imports.types import Kind


class Plugin(exports.Plugin):
    def describe(self):
        amount = schema(amount={"type": "integer"})
        produces = [Kind("Posted", 1)]
        commands = [CommandType(name, 1, amount if name == "Post" else schema(), produces) for name in HANDLERS]
        events = [EventType("Posted", 1, amount, None)]
        return Manifest("ledger", VERSION, "application/json", [AggregateType("Ledger", 5, commands, events)])


class Aggregate(exports.Aggregate):
    def upcast(self, aggregate_type, event):
        return event
