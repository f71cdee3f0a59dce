-- The bytes of components. Stores of format 3 that were created without this table get it when they are opened for writing.
-- A component is stored in chunks of at most 1 MiB, each in a transaction of its own, so that commits need not wait for a large
-- one. Chunk 0 is written last: a component without it is not stored.
CREATE TABLE IF NOT EXISTS component_bytes (
    digest BLOB    NOT NULL, -- sha256 of all chunks in their order; it is their checksum
    chunk  INTEGER NOT NULL, -- from 0, without gaps
    bytes  BLOB    NOT NULL,
    PRIMARY KEY (digest, chunk)
) STRICT;
