//! The rows of `activation` and `component`, as they are inserted and read.

use cantus_model::{Activation, ActivationCause, ComponentRecord, Digest, Timestamp, ports::StoreError};
use rusqlite::{Connection, Row, params};

use super::{
    connection::Session,
    error::{checksum_differs, contiguous},
    packed::time,
    query::{column, execute, query_all, query_optional, query_row, to_signed},
};
use crate::integrity::CanonicalBytes;

const LAST: &str = "SELECT coalesce(max(seq), 0) FROM activation";

const DIGEST_OF: &str = "SELECT digest FROM component WHERE name = ? AND version = ?";

/// A component that is recorded keeps its first record.
const INSERT_COMPONENT: &str = "INSERT INTO component (digest, name, version, manifest, first_seen, checksum) \
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING";

const INSERT_ACTIVATION: &str = "INSERT INTO activation \
     (seq, at, plugin, cause, from_digest, to_digest, who, why, report, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const ACTIVATIONS: &str = "SELECT seq, at, plugin, cause, from_digest, to_digest, who, why, report, checksum \
     FROM activation WHERE seq > ? ORDER BY seq";

const COMPONENTS: &str = "SELECT digest, manifest, first_seen, checksum FROM component ORDER BY rowid";

/// Reads the sequence number of the last activation; 0 if there is none.
pub(super) fn last_activation(connection: &Connection) -> Result<u64, StoreError> {
    query_row(connection, LAST, [], |row| row.get(0))
}

/// Reads the digest of the component that has the name and version of `component`.
pub(super) fn owner_of_version(
    connection: &Connection,
    component: &ComponentRecord,
) -> Result<Option<Digest>, StoreError> {
    let (name, version) = (&component.manifest.name, &component.manifest.version.to_string());
    Ok(query_optional(connection, DIGEST_OF, [name, version], |row| row.get(0))?.map(Digest::from_bytes))
}

pub(super) fn insert_component(
    connection: &Connection,
    canonical: &mut CanonicalBytes,
    record: &ComponentRecord,
) -> Result<(), StoreError> {
    let (digest, manifest) = (record.digest.as_bytes().as_slice(), &record.manifest);
    let json = serde_json::to_string(manifest).map_err(|error| StoreError::Other(error.to_string()))?;
    let checksum = canonical.set_component(record, &json).checksum();
    let values = params![digest, manifest.name, manifest.version.to_string(), json, time(record.first_seen)?, checksum];
    execute(connection, INSERT_COMPONENT, values).map(drop)
}

pub(super) fn insert_activation(
    connection: &Connection,
    canonical: &mut CanonicalBytes,
    activation: &Activation,
) -> Result<(), StoreError> {
    let digest = |digest: &Option<Digest>| digest.map(|digest| digest.as_bytes().to_vec());
    let values = params![
        activation.seq,
        time(activation.at)?,
        activation.plugin,
        activation.cause.as_str(),
        digest(&activation.from),
        digest(&activation.to),
        activation.who,
        activation.why,
        activation.report,
        canonical.set_activation(activation).checksum(),
    ];
    execute(connection, INSERT_ACTIVATION, values).map(drop)
}

/// Reads all activations with a sequence number above `after`.
pub(super) fn read_activations(session: &mut Session, after: u64) -> Result<Vec<Activation>, StoreError> {
    let Session { connection, canonical, .. } = session;
    let mut expected = after.saturating_add(1);
    query_all(connection, ACTIVATIONS, [to_signed(after)], |row| {
        let activation = read_activation(row)?;
        contiguous(expected, activation.seq, || "activation".into())?;
        if canonical.set_activation(&activation).checksum() != column::<u32>(row, 9)? {
            return Err(checksum_differs(format_args!("activation {expected}")));
        }
        expected += 1;
        Ok(activation)
    })
}

/// Reads the records of all components.
pub(super) fn read_components(session: &mut Session) -> Result<Vec<ComponentRecord>, StoreError> {
    let Session { connection, canonical, .. } = session;
    query_all(connection, COMPONENTS, [], |row| {
        let (record, manifest) = read_component(row)?;
        match canonical.set_component(&record, &manifest).checksum() == column::<u32>(row, 3)? {
            true => Ok(record),
            false => Err(checksum_differs(format_args!("the record of component {}", record.digest.short()))),
        }
    })
}

pub(super) fn read_activation(row: &Row<'_>) -> Result<Activation, StoreError> {
    let cause: String = column(row, 3)?;
    let digest = |index| column::<Option<[u8; 32]>>(row, index).map(|digest| digest.map(Digest::from_bytes));
    Ok(Activation {
        seq: column(row, 0)?,
        at: Timestamp(column(row, 1)?),
        plugin: column(row, 2)?,
        cause: ActivationCause::parse(&cause)
            .ok_or_else(|| StoreError::Corrupt(format!("an activation has the unknown cause {cause:?}")))?,
        from: digest(4)?,
        to: digest(5)?,
        who: column(row, 6)?,
        why: column(row, 7)?,
        report: column(row, 8)?,
    })
}

/// Reads a record, and its manifest as it is stored.
pub(super) fn read_component(row: &Row<'_>) -> Result<(ComponentRecord, String), StoreError> {
    let json: String = column(row, 1)?;
    let manifest = serde_json::from_str(&json)
        .map_err(|error| StoreError::Corrupt(format!("the manifest of a component does not decode: {error}")))?;
    let digest = Digest::from_bytes(column(row, 0)?);
    Ok((ComponentRecord { digest, manifest, first_seen: Timestamp(column(row, 2)?) }, json))
}
