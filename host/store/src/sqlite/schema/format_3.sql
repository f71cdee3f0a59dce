-- The log, its journal of commands, the activations of components, and the snapshots, which can be deleted at any time.
-- component_bytes.sql has the bytes of components.
--
-- Keys of rows that belong to a partition combine the partition and a number: (partition << 40) | number. They are row ids, the
-- cheapest keys of SQLite. The partition's row has the largest numbers. Every event, command, snapshot, component and activation
-- has a checksum (integrity.rs).

CREATE TABLE log (
    log_id     TEXT    NOT NULL, -- random; tells this log from every other
    partitions INTEGER NOT NULL,
    partitioner TEXT   NOT NULL  -- how aggregates go to partitions: 'murmur2', as Kafka's default partitioner has it
) STRICT;

CREATE TABLE partition (
    id           INTEGER PRIMARY KEY,
    head         INTEGER NOT NULL, -- the offset that the next event gets: the count of events
    commands     INTEGER NOT NULL, -- the count of commands; they are numbered from 1
    streams      INTEGER NOT NULL, -- the count of streams; they are numbered from 1
    writer_epoch INTEGER NOT NULL, -- a write under an older one is refused
    chain        BLOB    NOT NULL  -- the hash of the last commit
) STRICT;

-- The version of a stream is in its events: UNIQUE (stream, version) leads to the last one. A row here that changed
-- with every commit would be one more page to write for each stream of a batch.
CREATE TABLE stream (
    pk             INTEGER PRIMARY KEY,
    aggregate_type TEXT NOT NULL,
    aggregate_id   TEXT NOT NULL,
    UNIQUE (aggregate_type, aggregate_id)
) STRICT;

-- Names that many rows have, each with a number from 1.
CREATE TABLE kind (
    number         INTEGER PRIMARY KEY,
    name           TEXT    NOT NULL,
    schema_version INTEGER NOT NULL,
    UNIQUE (name, schema_version)
) STRICT;

CREATE TABLE decider (
    number INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE -- of the component
) STRICT;

CREATE TABLE command (
    pk           INTEGER PRIMARY KEY,
    id           ANY     NOT NULL, -- text; a UUID in its usual form as its 16 bytes
    stream       INTEGER NOT NULL,
    request      ANY     NOT NULL, -- bit 0: it named its schema version, bit 1: it expected a version; or the request's hash
    base_version INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    payload      BLOB    NOT NULL,
    context      TEXT,             -- JSON of what does not follow from the rest of the row
    outcome      ANY     NOT NULL, -- accepted: its count of events; rejected: JSON
    first_offset INTEGER,
    decider      INTEGER NOT NULL,
    recorded_at  INTEGER NOT NULL,
    checksum     INTEGER NOT NULL,
    chain        BLOB              -- on the last command of each commit: the hash of the commit
) STRICT;

CREATE UNIQUE INDEX command_id ON command (pk >> 40, id);

-- Actor, correlation and metadata of an event are in the context of its command.
CREATE TABLE event (
    pk          INTEGER PRIMARY KEY, -- the number is the offset
    stream      INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    payload     BLOB    NOT NULL,
    recorded_at INTEGER NOT NULL,
    command     INTEGER NOT NULL,
    checksum    INTEGER NOT NULL,
    UNIQUE (stream, version)
) STRICT;

-- A stream has two rows for snapshots: one of the component that saved last, and one of the component that saved before it.
CREATE TABLE snapshot (
    pk       INTEGER PRIMARY KEY, -- twice the stream's; one more in the second place
    version  INTEGER NOT NULL,
    decider  INTEGER NOT NULL,
    state    BLOB    NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE component (
    digest     BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    manifest   TEXT    NOT NULL, -- JSON
    first_seen INTEGER NOT NULL,
    checksum   INTEGER NOT NULL,
    UNIQUE (name, version)
) STRICT;

CREATE TABLE activation (
    seq         INTEGER PRIMARY KEY, -- from 1, without gaps
    at          INTEGER NOT NULL,
    plugin      TEXT    NOT NULL,
    cause       TEXT    NOT NULL,
    from_digest BLOB,
    to_digest   BLOB,
    who         TEXT    NOT NULL,
    why         TEXT    NOT NULL,
    report      TEXT, -- JSON
    checksum    INTEGER NOT NULL
) STRICT;
