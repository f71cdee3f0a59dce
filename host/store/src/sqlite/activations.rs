//! The log of activations. Whoever may write the file may append, also beside a running host: it is no part of the log of
//! events and needs no writer epoch.

use async_trait::async_trait;
use cantus_model::{
    Activation, Cause, ComponentRecord, Digest, Timestamp,
    ports::{ActivationAuthor, ActivationLog, StoreError},
};
use sqlx::{Arguments, SqliteConnection, error::BoxDynError, sqlite::SqliteArguments, sqlite::SqliteRow};

use super::{
    SqliteStore,
    error::explain,
    reader::contiguous,
    rows::{bound, column, digest, json, time},
    statement::Script,
};
use crate::taken;

const LAST: &str = "SELECT coalesce(max(seq), 0) FROM activation";

const DIGEST_OF: &str = "SELECT digest FROM component WHERE name = ? AND version = ?";

/// The same bytes are remembered as they were first seen.
const REMEMBER: &str = "INSERT INTO component (digest, name, version, manifest, first_seen) \
     VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING";

const APPEND: &str = "INSERT INTO activation (seq, at, plugin, cause, from_digest, to_digest, who, why, report) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

const ACTIVATIONS: &str = "SELECT seq, at, plugin, cause, from_digest, to_digest, who, why, report \
     FROM activation WHERE seq > ? ORDER BY seq";

const COMPONENTS: &str = "SELECT digest, manifest, first_seen FROM component ORDER BY rowid";

#[async_trait]
impl ActivationLog for SqliteStore {
    /// The write lock is taken before anything is read, so that of two processes one waits and then finds the other's.
    async fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let connection = transaction.connection();
        if let ActivationAuthor::Host(claim) = author {
            Self::check_claim(connection, claim).await?;
        }
        let last: u64 = column(&sqlx::query(LAST).fetch_one(&mut *connection).await.map_err(explain)?, 0)?;
        if activation.seq.checked_sub(1) != Some(last) {
            transaction.rollback().await?;
            return Ok(false);
        }
        if let Some(component) = component
            && let Some(by) = digest_of(connection, component).await?
            && by != component.digest
        {
            transaction.rollback().await?;
            return Err(taken(component, by));
        }
        let mut script = Script::default();
        if let Some(component) = component {
            script.then_binding(REMEMBER, |arguments| bind_component(arguments, component))?;
        }
        script.then_binding(APPEND, |arguments| bind_activation(arguments, activation))?;
        transaction.commit_after(script).await?;
        Ok(true)
    }

    async fn activations(&self, after: u64) -> Result<Vec<Activation>, StoreError> {
        let rows = sqlx::query(ACTIVATIONS).bind(bound(after)).fetch_all(&self.readers).await.map_err(explain)?;
        let activations = rows.iter().map(activation).collect::<Result<Vec<_>, _>>()?;
        for (activation, expected) in activations.iter().zip(after.saturating_add(1)..) {
            contiguous(expected, activation.seq, || "activation".into())?;
        }
        Ok(activations)
    }

    async fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        let rows = sqlx::query(COMPONENTS).fetch_all(&self.readers).await.map_err(explain)?;
        rows.iter().map(component_record).collect()
    }
}

/// The digest that has the name and version of `component`.
async fn digest_of(
    connection: &mut SqliteConnection,
    component: &ComponentRecord,
) -> Result<Option<Digest>, StoreError> {
    let row = sqlx::query(DIGEST_OF)
        .bind(&component.manifest.name)
        .bind(component.manifest.version.to_string())
        .fetch_optional(connection)
        .await
        .map_err(explain)?;
    row.map(|row| digest(column(&row, 0)?)).transpose()
}

fn bind_component(arguments: &mut SqliteArguments, component: &ComponentRecord) -> Result<(), BoxDynError> {
    let manifest = &component.manifest;
    arguments.add(component.digest.as_bytes().as_slice())?;
    arguments.add(manifest.name.as_str())?;
    arguments.add(manifest.version.to_string())?;
    arguments.add(serde_json::to_string(manifest)?)?;
    arguments.add(time(component.first_seen)?)
}

fn bind_activation(arguments: &mut SqliteArguments, activation: &Activation) -> Result<(), BoxDynError> {
    let bytes = |digest: &Digest| digest.as_bytes().to_vec();
    arguments.add(i64::try_from(activation.seq)?)?;
    arguments.add(time(activation.at)?)?;
    arguments.add(activation.plugin.as_str())?;
    arguments.add(activation.cause.as_str())?;
    arguments.add(activation.from.as_ref().map(bytes))?;
    arguments.add(activation.to.as_ref().map(bytes))?;
    arguments.add(activation.who.as_str())?;
    arguments.add(activation.why.as_str())?;
    arguments.add(activation.report.as_deref())
}

fn activation(row: &SqliteRow) -> Result<Activation, StoreError> {
    let cause: &str = column(row, 3)?;
    Ok(Activation {
        seq: column(row, 0)?,
        at: Timestamp(column(row, 1)?),
        plugin: column(row, 2)?,
        cause: Cause::parse(cause)
            .ok_or_else(|| StoreError::Corrupt(format!("{cause} is no cause of an activation")))?,
        from: column::<Option<&[u8]>>(row, 4)?.map(digest).transpose()?,
        to: column::<Option<&[u8]>>(row, 5)?.map(digest).transpose()?,
        who: column(row, 6)?,
        why: column(row, 7)?,
        report: column(row, 8)?,
    })
}

fn component_record(row: &SqliteRow) -> Result<ComponentRecord, StoreError> {
    Ok(ComponentRecord {
        digest: digest(column(row, 0)?)?,
        manifest: json(column(row, 1)?)?,
        first_seen: Timestamp(column(row, 2)?),
    })
}
