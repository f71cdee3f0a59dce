//! The log of activations, and what is known of the components in it.

use async_trait::async_trait;
use cantus_model::{
    Activation, ActivationCause, ComponentRecord, Digest, Timestamp,
    ports::{ActivationAuthor, ActivationLog, StoreError},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    SqliteStore, Writing,
    connection::{Session, prepare},
    error::{contiguous, damaged, explain},
    journal::check_claim,
    readers::blocking,
    rows::{bound, column, time},
    writer::{Done, Durability},
};
use crate::{integrity::Canonical, taken};

const LAST: &str = "SELECT coalesce(max(seq), 0) FROM activation";

const DIGEST_OF: &str = "SELECT digest FROM component WHERE name = ? AND version = ?";

/// The same bytes are remembered as they were first seen.
const REMEMBER: &str = "INSERT INTO component (digest, name, version, manifest, first_seen, checksum) \
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING";

const APPEND: &str = "INSERT INTO activation \
     (seq, at, plugin, cause, from_digest, to_digest, who, why, report, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const ACTIVATIONS: &str = "SELECT seq, at, plugin, cause, from_digest, to_digest, who, why, report, checksum \
     FROM activation WHERE seq > ? ORDER BY seq";

const COMPONENTS: &str = "SELECT digest, manifest, first_seen, checksum FROM component ORDER BY rowid";

#[async_trait]
impl ActivationLog for SqliteStore {
    async fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError> {
        let inner = self.writing()?;
        let (activation, component) = (activation.clone(), component.cloned());
        blocking(move || inner.append_activation(author, &activation, component.as_ref())).await
    }

    async fn activations(&self, after: u64) -> Result<Vec<Activation>, StoreError> {
        self.readers.read(move |session| read_activations(session, after)).await
    }

    async fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        self.readers.read(read_components).await
    }
}

impl Writing {
    /// The write lock is taken before anything is read, so that of two processes one waits and then finds the other's.
    fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError> {
        self.writer.write(Durability::Durable, |session| {
            let Session { connection, canonical, .. } = session;
            match author {
                ActivationAuthor::Host(claim) => check_claim(connection, claim)?,
                ActivationAuthor::Operator => self.compare(connection)?,
            }
            let last: u64 = prepare(connection, LAST)?.query_row([], |row| row.get(0)).map_err(explain)?;
            if activation.seq.checked_sub(1) != Some(last) {
                return Ok(Done::Rollback(false));
            }
            if let Some(component) = component {
                if let Some(by) = digest_of(connection, component)?.filter(|by| *by != component.digest) {
                    return Err(taken(component, by));
                }
                insert_component(connection, canonical, component)?;
            }
            insert_activation(connection, canonical, activation)?;
            Ok(Done::Commit(true))
        })
    }
}

/// The digest that has the name and version of `component`.
fn digest_of(connection: &Connection, component: &ComponentRecord) -> Result<Option<Digest>, StoreError> {
    let (name, version) = (&component.manifest.name, component.manifest.version.to_string());
    let digest = prepare(connection, DIGEST_OF)?.query_row([name, &version], |row| row.get(0)).optional();
    Ok(digest.map_err(explain)?.map(Digest::from_bytes))
}

pub(super) fn insert_component(
    connection: &Connection,
    canonical: &mut Canonical,
    record: &ComponentRecord,
) -> Result<(), StoreError> {
    let (digest, manifest) = (record.digest.as_bytes().as_slice(), &record.manifest);
    let json = serde_json::to_string(manifest).map_err(|error| StoreError::Other(error.to_string()))?;
    let checksum = canonical.component(record, &json).checksum();
    let values = params![digest, manifest.name, manifest.version.to_string(), json, time(record.first_seen)?, checksum];
    prepare(connection, REMEMBER)?.execute(values).map(drop).map_err(explain)
}

pub(super) fn insert_activation(
    connection: &Connection,
    canonical: &mut Canonical,
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
        canonical.activation(activation).checksum(),
    ];
    prepare(connection, APPEND)?.execute(values).map(drop).map_err(explain)
}

pub(super) fn read_activations(session: &mut Session, after: u64) -> Result<Vec<Activation>, StoreError> {
    let Session { connection, canonical, .. } = session;
    let mut statement = prepare(connection, ACTIVATIONS)?;
    let mut rows = statement.query([bound(after)]).map_err(explain)?;
    let (mut activations, mut expected) = (Vec::new(), after.saturating_add(1));
    while let Some(row) = rows.next().map_err(explain)? {
        let activation = read_activation(row)?;
        contiguous(expected, activation.seq, || "activation".into())?;
        if canonical.activation(&activation).checksum() != column::<u32>(row, 9)? {
            return Err(damaged(format_args!("activation {expected}")));
        }
        expected += 1;
        activations.push(activation);
    }
    Ok(activations)
}

pub(super) fn read_components(session: &mut Session) -> Result<Vec<ComponentRecord>, StoreError> {
    let Session { connection, canonical, .. } = session;
    let mut statement = prepare(connection, COMPONENTS)?;
    let mut rows = statement.query([]).map_err(explain)?;
    let mut components = Vec::new();
    while let Some(row) = rows.next().map_err(explain)? {
        let (record, manifest) = read_component(row)?;
        if canonical.component(&record, &manifest).checksum() != column::<u32>(row, 3)? {
            return Err(damaged(format_args!("the record of component {}", record.digest.short())));
        }
        components.push(record);
    }
    Ok(components)
}

pub(super) fn read_activation(row: &Row<'_>) -> Result<Activation, StoreError> {
    let cause: String = column(row, 3)?;
    let digest = |index| column::<Option<[u8; 32]>>(row, index).map(|digest| digest.map(Digest::from_bytes));
    Ok(Activation {
        seq: column(row, 0)?,
        at: Timestamp(column(row, 1)?),
        plugin: column(row, 2)?,
        cause: ActivationCause::parse(&cause)
            .ok_or_else(|| StoreError::Corrupt(format!("{cause} is no cause of an activation")))?,
        from: digest(4)?,
        to: digest(5)?,
        who: column(row, 6)?,
        why: column(row, 7)?,
        report: column(row, 8)?,
    })
}

/// The record, and its manifest as it is stored.
pub(super) fn read_component(row: &Row<'_>) -> Result<(ComponentRecord, String), StoreError> {
    let json: String = column(row, 1)?;
    let manifest = serde_json::from_str(&json)
        .map_err(|error| StoreError::Corrupt(format!("a manifest that does not decode: {error}")))?;
    let digest = Digest::from_bytes(column(row, 0)?);
    Ok((ComponentRecord { digest, manifest, first_seen: Timestamp(column(row, 2)?) }, json))
}
