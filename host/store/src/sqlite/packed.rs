//! Values as the columns of a command hold them: in few bytes, and exactly.

use cantus_model::{AggregateRef, Command, Context, Digest, Message, Outcome, Rejection, RequestShape, Timestamp};
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A command id. A UUID in its usual form takes 16 bytes instead of 36.
pub(super) struct Id<T>(pub(super) T);

impl ToSql for Id<&str> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match usual_uuid(self.0) {
            Some(uuid) => ToSqlOutput::Owned(Value::Blob(uuid.as_bytes().to_vec())),
            None => self.0.into(),
        })
    }
}

/// The UUID that this text is the usual form of: lower case, with hyphens, and nothing else.
fn usual_uuid(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    (*uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == *text).then_some(uuid)
}

impl FromSql for Id<String> {
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

/// What the hash of a request is made of, beside what the row has: two bits. A hash of anything else stays as it is.
#[derive(Clone, Copy)]
pub(super) enum Request {
    Shape(RequestShape),
    Hash(Digest),
}

impl Request {
    pub(super) fn of(hash: &Digest, aggregate: &AggregateRef, command: &Message, base_version: u64) -> Self {
        RequestShape::of(hash, aggregate, command, base_version).map_or(Self::Hash(*hash), Self::Shape)
    }

    pub(super) fn hash(self, aggregate: &AggregateRef, command: &Message, base_version: u64) -> Digest {
        match self {
            Self::Shape(shape) => shape.hash(aggregate, command, base_version),
            Self::Hash(hash) => hash,
        }
    }
}

impl ToSql for Request {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Shape(shape) => (i64::from(shape.version) | i64::from(shape.expected_version) << 1).into(),
            Self::Hash(hash) => hash.as_bytes().as_slice().into(),
        })
    }
}

impl FromSql for Request {
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

/// What of a context does not follow from the command's id and the time of its recording.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Extra {
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

impl Extra {
    /// `None` if all of it follows.
    pub(super) fn of(context: &Context, id: &str) -> Option<Self> {
        let extra = Self {
            command_id: (context.command_id != id).then(|| context.command_id.clone()),
            seed: (context.seed != Command::seed_of(id)).then_some(context.seed),
            correlation_id: (context.correlation_id != id).then(|| context.correlation_id.clone()),
            causation_id: context.causation_id.clone(),
            actor: context.actor.clone(),
            metadata: context.metadata.clone(),
        };
        (extra != Self::default()).then_some(extra)
    }

    pub(super) fn into_context(self, id: &str, now: Timestamp) -> Context {
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

impl ToSql for Extra {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        to_json(self)
    }
}

impl FromSql for Extra {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_json(value)
    }
}

/// A number for what was accepted, JSON for what was rejected.
pub(super) struct Packed(pub(super) Outcome);

/// A rejection; its detail as text, or in hexadecimal digits if it is no text.
#[derive(Serialize, Deserialize)]
struct PackedRejection {
    code: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail_hex: Option<String>,
}

impl ToSql for Packed {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let Rejection { code, message, detail } = match &self.0 {
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

impl FromSql for Packed {
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
