//! Cantus: dispatch, shards, commit
