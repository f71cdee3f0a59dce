//! The shape of a command: the values that it shares with many others. A block lists each of its shapes once.

use std::collections::HashSet;

use cantus_model::{Command, Digest, MessageKind, Outcome, RecordedCommand, RequestShape};

use super::{
    bytes::{ByteReader, put_bytes, put_number},
    decode_error::DecodeError,
};

/// Bytes that an event or a key takes in memory besides its string, about.
const ENTRY_BYTES: usize = 64;

/// The largest number of kinds of events that one command may have. An event batch searches all of its kinds for each event.
pub(super) const MAX_KINDS: usize = 1_024;

/// The request shapes by their number on a tape. The number after the last one stands for a hash that follows from no shape.
const REQUEST_SHAPES: [RequestShape; 4] = [
    RequestShape { version: true, expected_version: false },
    RequestShape { version: false, expected_version: false },
    RequestShape { version: true, expected_version: true },
    RequestShape { version: false, expected_version: true },
];

/// The shape of a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CommandShape {
    pub(super) command: MessageKind,
    pub(super) events: Vec<MessageKind>,
    pub(super) component: Digest,
    /// The code of a rejection.
    pub(super) rejection_code: Option<String>,
    pub(super) metadata_keys: Vec<String>,
    /// The shape of the request, if its hash follows from one.
    pub(super) request: Option<u8>,
    pub(super) flags: ShapeFlags,
}

/// The optional values that a command has. In this order they are the bits of one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ShapeFlags {
    pub(super) offset: bool,
    pub(super) actor: bool,
    pub(super) causation: bool,
    /// The detail of a rejection.
    pub(super) detail: bool,
    /// Its id begins with the id of the aggregate.
    pub(super) aggregate_in_id: bool,
    /// Its correlation id differs from its own id.
    pub(super) own_correlation: bool,
    /// Its seed does not follow from its id.
    pub(super) own_seed: bool,
    /// Its base version differs from the prediction.
    pub(super) own_version: bool,
}

impl ShapeFlags {
    fn to_bits(self) -> u8 {
        let Self { offset, actor, causation, detail, aggregate_in_id, own_correlation, own_seed, own_version } = self;
        let all = [offset, actor, causation, detail, aggregate_in_id, own_correlation, own_seed, own_version];
        all.into_iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(flag))
    }

    fn from_bits(bits: u8) -> Self {
        let flag = |position: u8| bits >> position & 1 == 1;
        Self {
            offset: flag(0),
            actor: flag(1),
            causation: flag(2),
            detail: flag(3),
            aggregate_in_id: flag(4),
            own_correlation: flag(5),
            own_seed: flag(6),
            own_version: flag(7),
        }
    }
}

impl CommandShape {
    /// Returns the shape of a command whose base version is predicted to be `version`.
    pub(super) fn of(RecordedCommand { record, events }: &RecordedCommand, version: u64) -> Self {
        let (context, id) = (&record.context, &record.context.command_id);
        let rejection = match &record.outcome {
            Outcome::Rejected(rejection) => Some(rejection),
            Outcome::Accepted { .. } => None,
        };
        let request = RequestShape::of(&record.request_hash, &record.aggregate, &record.command, record.base_version);
        let kind = |name: &String, version| MessageKind { name: name.clone(), version };
        Self {
            command: kind(&record.command.name, record.command.version),
            events: events.iter().map(|event| kind(&event.name, event.version)).collect(),
            component: record.component,
            rejection_code: rejection.map(|rejection| rejection.code.clone()),
            metadata_keys: context.metadata.iter().map(|(key, _)| key.clone()).collect(),
            request: (0..).zip(REQUEST_SHAPES).find(|(_, shape)| Some(*shape) == request).map(|(number, _)| number),
            flags: ShapeFlags {
                offset: record.first_offset.is_some(),
                actor: context.actor.is_some(),
                causation: context.causation_id.is_some(),
                detail: rejection.is_some_and(|rejection| rejection.detail.is_some()),
                aggregate_in_id: id.starts_with(&record.aggregate.id),
                own_correlation: context.correlation_id != *id,
                own_seed: context.seed != Command::seed_of(id),
                own_version: record.base_version != version,
            },
        }
    }

    /// Returns the shape of the request, if its hash follows from one.
    pub(super) fn request_shape(&self) -> Option<RequestShape> {
        self.request.and_then(|number| REQUEST_SHAPES.get(usize::from(number)).copied())
    }

    /// Returns the bytes, about, that the shape adds to each of its commands in memory, and once to its block.
    pub(super) fn weight(&self) -> usize {
        let names = [&self.command].into_iter().chain(&self.events).map(|kind| ENTRY_BYTES + kind.name.len());
        let keys = self.rejection_code.iter().chain(&self.metadata_keys).map(|key| ENTRY_BYTES + key.len());
        names.chain(keys).sum()
    }

    /// Reports whether its events are of more than [`MAX_KINDS`] kinds.
    pub(super) fn has_too_many_kinds(&self) -> bool {
        self.events.len() > MAX_KINDS && self.events.iter().collect::<HashSet<_>>().len() > MAX_KINDS
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_kind(out, &self.command);
        put_number(out, self.events.len() as u64);
        self.events.iter().for_each(|event| put_kind(out, event));
        out.extend_from_slice(self.component.as_bytes());
        put_number(out, self.rejection_code.is_some().into());
        self.rejection_code.iter().for_each(|code| put_bytes(out, code.as_bytes()));
        put_number(out, self.metadata_keys.len() as u64);
        self.metadata_keys.iter().for_each(|key| put_bytes(out, key.as_bytes()));
        out.extend([self.request.unwrap_or(REQUEST_SHAPES.len() as u8), self.flags.to_bits()]);
    }

    /// Reads what [`Self::write`] wrote, and subtracts its weight from `room`.
    pub(super) fn read(reader: &mut ByteReader, room: &mut usize) -> Result<Self, DecodeError> {
        let command = read_kind(reader, room)?;
        // A forged count must not allocate: each entry takes room when it is read.
        let mut events = vec![];
        for _ in 0..reader.read_number()? {
            events.push(read_kind(reader, room)?);
        }
        let component = reader.take(32)?.try_into().map_err(|_| DecodeError("a digest does not have 32 bytes"))?;
        let rejection_code = match reader.read_number()? {
            0 => None,
            _ => Some(read_key(reader, room)?),
        };
        let mut metadata_keys = vec![];
        for _ in 0..reader.read_number()? {
            metadata_keys.push(read_key(reader, room)?);
        }
        let &[request, flags] = reader.take(2)? else { return Err(DecodeError("a command shape is cut off")) };
        let shape = Self {
            command,
            events,
            component: Digest::from_bytes(component),
            rejection_code,
            metadata_keys,
            request: Some(request).filter(|number| usize::from(*number) < REQUEST_SHAPES.len()),
            flags: ShapeFlags::from_bits(flags),
        };
        match shape.has_too_many_kinds() {
            true => Err(DecodeError("a command has events of too many kinds")),
            false => Ok(shape),
        }
    }
}

fn put_kind(out: &mut Vec<u8>, kind: &MessageKind) {
    put_bytes(out, kind.name.as_bytes());
    put_number(out, kind.version.into());
}

fn read_kind(reader: &mut ByteReader, room: &mut usize) -> Result<MessageKind, DecodeError> {
    Ok(MessageKind { name: read_key(reader, room)?, version: reader.read_small()? })
}

fn read_key(reader: &mut ByteReader, room: &mut usize) -> Result<String, DecodeError> {
    let text = reader.read_text()?;
    *room = room.checked_sub(ENTRY_BYTES + text.len()).ok_or(DecodeError("its command shapes are too large"))?;
    Ok(text.to_owned())
}
