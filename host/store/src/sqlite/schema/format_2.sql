-- Which component is live for which plugin name, and what is known of every component that ever was.

CREATE TABLE component (
    digest     BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    manifest   TEXT    NOT NULL, -- JSON
    first_seen INTEGER NOT NULL,
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
    report      TEXT -- JSON
) STRICT;

-- A stream has two places for snapshots: one for the component that saved last, one for the component that did before it.
-- So there are never more than two, a save writes one row, and nothing has to be looked for to find the oldest.
DROP TABLE snapshot;

CREATE TABLE snapshot (
    pk               INTEGER PRIMARY KEY, -- twice the stream's; one more in the second place
    version          INTEGER NOT NULL,
    component_digest BLOB    NOT NULL,
    state            BLOB    NOT NULL,
    state_hash       BLOB    NOT NULL -- of version, component and state
) STRICT;
