//! The compact forms of the values of a command, as its columns hold them. Each unpacks to exactly what was packed.

use cantus_model::{
    AggregateRef, Command, Context, Digest, Message, Outcome, Rejection, RequestShape, Timestamp, ports::StoreError,
};
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A command id. A UUID in its usual form takes 16 bytes instead of 36.
pub(super) struct PackedId<T>(pub(super) T);

impl ToSql for PackedId<&str> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match parse_usual_uuid(self.0) {
            Some(uuid) => ToSqlOutput::Owned(Value::Blob(uuid.as_bytes().to_vec())),
            None => self.0.into(),
        })
    }
}

/// Returns the UUID if `text` is its usual form: lower case, with hyphens, and nothing else.
fn parse_usual_uuid(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    (*uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == *text).then_some(uuid)
}

impl FromSql for PackedId<String> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Blob(bytes) => {
                let uuid = Uuid::from_slice(bytes).map_err(FromSqlError::other)?;
                Ok(Self(uuid.hyphenated().to_string()))
            }
            value => value.as_str().map(|text| Self(text.to_owned())),
        }
    }
}

/// A request hash: two bits if it follows from the row, and otherwise the hash itself.
#[derive(Clone, Copy)]
pub(super) enum PackedRequest {
    Shape(RequestShape),
    Hash(Digest),
}

impl PackedRequest {
    pub(super) fn pack(hash: &Digest, aggregate: &AggregateRef, command: &Message, base_version: u64) -> Self {
        RequestShape::of(hash, aggregate, command, base_version).map_or(Self::Hash(*hash), Self::Shape)
    }

    pub(super) fn unpack(self, aggregate: &AggregateRef, command: &Message, base_version: u64) -> Digest {
        match self {
            Self::Shape(shape) => shape.hash(aggregate, command, base_version),
            Self::Hash(hash) => hash,
        }
    }
}

impl ToSql for PackedRequest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Shape(shape) => (i64::from(shape.version) | i64::from(shape.expected_version) << 1).into(),
            Self::Hash(hash) => hash.as_bytes().as_slice().into(),
        })
    }
}

impl FromSql for PackedRequest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(bits @ 0..=3) => {
                Ok(Self::Shape(RequestShape { version: bits & 1 != 0, expected_version: bits & 2 != 0 }))
            }
            ValueRef::Integer(bits) => Err(FromSqlError::OutOfRange(bits)),
            value => <[u8; 32]>::column_result(value).map(|hash| Self::Hash(Digest::from_bytes(hash))),
        }
    }
}

/// The parts of a context that do not follow from the command's id and the time of its recording.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PackedContext {
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metadata: Vec<(String, String)>,
}

impl PackedContext {
    /// Returns `None` if the whole context follows.
    pub(super) fn pack(context: &Context, id: &str) -> Option<Self> {
        let packed = Self {
            command_id: (context.command_id != id).then(|| context.command_id.clone()),
            seed: (context.seed != Command::seed_of(id)).then_some(context.seed),
            correlation_id: (context.correlation_id != id).then(|| context.correlation_id.clone()),
            causation_id: context.causation_id.clone(),
            actor: context.actor.clone(),
            metadata: context.metadata.clone(),
        };
        (packed != Self::default()).then_some(packed)
    }

    pub(super) fn unpack(self, id: &str, now: Timestamp) -> Context {
        Context {
            command_id: self.command_id.unwrap_or_else(|| id.to_owned()),
            now,
            seed: self.seed.unwrap_or_else(|| Command::seed_of(id)),
            correlation_id: self.correlation_id.unwrap_or_else(|| id.to_owned()),
            causation_id: self.causation_id,
            actor: self.actor,
            metadata: self.metadata,
        }
    }
}

impl ToSql for PackedContext {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        to_json(self)
    }
}

impl FromSql for PackedContext {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_json(value)
    }
}

/// An outcome: the number of events if it was accepted, JSON if it was rejected.
pub(super) struct PackedOutcome<T>(pub(super) T);

/// A rejection as JSON; its detail is a string, or hexadecimal digits if it is not UTF-8.
#[derive(Serialize, Deserialize)]
struct PackedRejection {
    code: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail_hex: Option<String>,
}

impl ToSql for PackedOutcome<&Outcome> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let Rejection { code, message, detail } = match self.0 {
            Outcome::Accepted { events } => return Ok((*events).into()),
            Outcome::Rejected(rejection) => rejection.clone(),
        };
        let (detail, detail_hex) = match detail.map(String::from_utf8) {
            Some(Ok(text)) => (Some(text), None),
            Some(Err(bytes)) => (None, Some(hex::encode(bytes.into_bytes()))),
            None => (None, None),
        };
        to_json(&PackedRejection { code, message, detail, detail_hex })
    }
}

impl FromSql for PackedOutcome<Outcome> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        if let ValueRef::Integer(events) = value {
            let events = u32::try_from(events).map_err(|_| FromSqlError::OutOfRange(events))?;
            return Ok(Self(Outcome::Accepted { events }));
        }
        let PackedRejection { code, message, detail, detail_hex } = from_json(value)?;
        let from_hex = detail_hex.map(hex::decode).transpose().map_err(FromSqlError::other)?;
        let detail = detail.map(String::into_bytes).or(from_hex);
        Ok(Self(Outcome::Rejected(Rejection { code, message, detail })))
    }
}

fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<ToSqlOutput<'static>> {
    let json = serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    Ok(json.into())
}

fn from_json<T: for<'de> Deserialize<'de>>(value: ValueRef<'_>) -> FromSqlResult<T> {
    serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)
}

/// Converts a time to a signed column.
pub(super) fn time(time: Timestamp) -> Result<i64, StoreError> {
    i64::try_from(time.0).map_err(|_| {
        StoreError::Other(format!("the time {} is after the year 294247, which no store can record", time.0))
    })
}
