-- The log, its journal of commands, and the disposable snapshots. Integer keys are assigned by the host.

CREATE TABLE partition (
    id           INTEGER PRIMARY KEY,
    head         INTEGER NOT NULL, -- the offset that the next event gets
    writer_epoch INTEGER NOT NULL, -- a commit under an older one is refused
    log_id       TEXT    NOT NULL  -- tells this log from every other
) STRICT;

INSERT INTO partition (id, head, writer_epoch, log_id) VALUES (0, 0, 0, lower(hex(randomblob(16))));

-- How far a stream has come is in its events: UNIQUE (stream_pk, version) leads to the last one. A row here that
-- changed with every commit would be one more page to write for each stream of a batch.
CREATE TABLE stream (
    pk             INTEGER PRIMARY KEY,
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    partition      INTEGER NOT NULL,
    UNIQUE (aggregate_type, aggregate_id)
) STRICT;

CREATE TABLE command (
    pk               INTEGER PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    stream_pk        INTEGER NOT NULL,
    request_hash     BLOB    NOT NULL,
    base_version     INTEGER NOT NULL,
    name             TEXT    NOT NULL,
    schema_version   INTEGER NOT NULL,
    payload          BLOB    NOT NULL,
    context          TEXT    NOT NULL, -- JSON
    outcome          TEXT    NOT NULL, -- JSON
    first_offset     INTEGER,
    component_digest BLOB    NOT NULL,
    recorded_at      INTEGER NOT NULL
) STRICT;

-- What surrounds an event (actor, correlation, metadata) is in the context of its command.
CREATE TABLE event (
    partition      INTEGER NOT NULL,
    offset         INTEGER NOT NULL,
    stream_pk      INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    schema_version INTEGER NOT NULL,
    payload        BLOB    NOT NULL,
    recorded_at    INTEGER NOT NULL,
    command_pk     INTEGER NOT NULL,
    PRIMARY KEY (partition, offset),
    UNIQUE (stream_pk, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshot (
    stream_pk        INTEGER PRIMARY KEY,
    version          INTEGER NOT NULL,
    component_digest BLOB    NOT NULL,
    state            BLOB    NOT NULL,
    state_hash       BLOB    NOT NULL -- of version, component and state
) STRICT;
