//! The form of a command: everything about it that many others share. A block lists its forms once.

use std::collections::HashSet;

use cantus_model::{AggregateRef, Command, CommandRecord, Digest, MessageKind, Outcome, RecordedCommand};

use super::{
    bytes::{Column, put_bytes, put_number},
    error::Damage,
};

/// What an event or a key weighs besides its text.
const ENTRY: usize = 64;

/// Kinds of events that one command may have: whoever puts them into one batch looks among all kinds for that of each.
pub(super) const KINDS: usize = 1_024;

/// The form of a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Form {
    pub(super) command: MessageKind,
    pub(super) events: Vec<MessageKind>,
    pub(super) component: Digest,
    /// For a rejection: its code.
    pub(super) rejected: Option<String>,
    pub(super) metadata: Vec<String>,
    /// How the request hash follows, if it does.
    pub(super) request: Option<Request>,
    pub(super) has: Has,
}

/// What a command has that others lack. In this order they are the bits of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Has {
    pub(super) offset: bool,
    pub(super) actor: bool,
    pub(super) causation: bool,
    /// A rejection's detail.
    pub(super) detail: bool,
    /// Its id begins with the aggregate's.
    pub(super) aggregate_in_id: bool,
    /// A correlation id that is not its own id.
    pub(super) own_correlation: bool,
    /// A seed that does not follow from its id.
    pub(super) own_seed: bool,
    /// It was not decided on the version that was expected.
    pub(super) own_version: bool,
}

/// What a request gave, as far as its hash tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Request {
    /// The command's version; otherwise the host chose it.
    pub(super) version: bool,
    /// The expected version; it must have been the one that held.
    pub(super) expected: bool,
}

impl Request {
    const ALL: [Self; 4] = [
        Self { version: true, expected: false },
        Self { version: false, expected: false },
        Self { version: true, expected: true },
        Self { version: false, expected: true },
    ];

    /// The request whose hash a record has.
    pub(super) fn of(record: &CommandRecord) -> Option<Self> {
        let hash = |request: &Self| request.hash(&record.aggregate, record, record.base_version);
        Self::ALL.into_iter().find(|request| hash(request) == record.request_hash)
    }

    fn hash(self, aggregate: &AggregateRef, record: &CommandRecord, base: u64) -> Digest {
        let message = &record.command;
        let version = self.version.then_some(message.version);
        Command::hash_of(aggregate, &message.name, version, &message.payload, self.expected.then_some(base))
    }

    /// Gives a record the hash of this request.
    pub(super) fn apply(self, record: &mut CommandRecord) {
        record.request_hash = self.hash(&record.aggregate, record, record.base_version);
    }
}

impl Has {
    fn bits(self) -> u8 {
        let Self { offset, actor, causation, detail, aggregate_in_id, own_correlation, own_seed, own_version } = self;
        let all = [offset, actor, causation, detail, aggregate_in_id, own_correlation, own_seed, own_version];
        all.into_iter().rev().fold(0, |bits, has| bits << 1 | u8::from(has))
    }

    fn of_bits(bits: u8) -> Self {
        let has = |place: u8| bits >> place & 1 == 1;
        Self {
            offset: has(0),
            actor: has(1),
            causation: has(2),
            detail: has(3),
            aggregate_in_id: has(4),
            own_correlation: has(5),
            own_seed: has(6),
            own_version: has(7),
        }
    }
}

impl Form {
    /// The form of a command that is expected to be decided on `version`.
    pub(super) fn of(RecordedCommand { record, events }: &RecordedCommand, version: u64) -> Self {
        let (context, id) = (&record.context, &record.context.command_id);
        let rejection = match &record.outcome {
            Outcome::Rejected(rejection) => Some(rejection),
            Outcome::Accepted { .. } => None,
        };
        let kind = |name: &String, version| MessageKind { name: name.clone(), version };
        Self {
            command: kind(&record.command.name, record.command.version),
            events: events.iter().map(|event| kind(&event.name, event.version)).collect(),
            component: record.component,
            rejected: rejection.map(|rejection| rejection.code.clone()),
            metadata: context.metadata.iter().map(|(key, _)| key.clone()).collect(),
            request: Request::of(record),
            has: Has {
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

    /// What it adds to each of its commands in memory, and once to its block: bytes, about.
    pub(super) fn weight(&self) -> usize {
        let names = [&self.command].into_iter().chain(&self.events).map(|kind| ENTRY + kind.name.len());
        let keys = self.rejected.iter().chain(&self.metadata).map(|key| ENTRY + key.len());
        names.chain(keys).sum()
    }

    /// Whether its events are of more than [`KINDS`] kinds.
    pub(super) fn has_too_many_kinds(&self) -> bool {
        self.events.len() > KINDS && self.events.iter().collect::<HashSet<_>>().len() > KINDS
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_kind(out, &self.command);
        put_number(out, self.events.len() as u64);
        self.events.iter().for_each(|event| put_kind(out, event));
        out.extend_from_slice(self.component.as_bytes());
        put_number(out, self.rejected.is_some().into());
        self.rejected.iter().for_each(|code| put_bytes(out, code.as_bytes()));
        put_number(out, self.metadata.len() as u64);
        self.metadata.iter().for_each(|key| put_bytes(out, key.as_bytes()));
        let request = self.request.and_then(|request| Request::ALL.iter().position(|other| *other == request));
        out.extend([request.unwrap_or(Request::ALL.len()) as u8, self.has.bits()]);
    }

    /// What [`Self::write`] wrote. It takes its weight from `left`.
    pub(super) fn read(column: &mut Column, left: &mut usize) -> Result<Self, Damage> {
        let command = read_kind(column, left)?;
        // No capacity is taken on the word of a number: each entry pays when it comes.
        let mut events = vec![];
        for _ in 0..column.number()? {
            events.push(read_kind(column, left)?);
        }
        let component = column.take(32)?.try_into().map_err(|_| Damage("a digest has not 32 bytes"))?;
        let rejected = match column.number()? {
            0 => None,
            _ => Some(read_key(column, left)?),
        };
        let mut metadata = vec![];
        for _ in 0..column.number()? {
            metadata.push(read_key(column, left)?);
        }
        let &[request, has] = column.take(2)? else { return Err(Damage("a form is cut off")) };
        let form = Self {
            command,
            events,
            component: Digest::from_bytes(component),
            rejected,
            metadata,
            request: Request::ALL.get(usize::from(request)).copied(),
            has: Has::of_bits(has),
        };
        if form.has_too_many_kinds() { Err(Damage("a command has events of too many kinds")) } else { Ok(form) }
    }
}

fn put_kind(out: &mut Vec<u8>, kind: &MessageKind) {
    put_bytes(out, kind.name.as_bytes());
    put_number(out, kind.version.into());
}

fn read_kind(column: &mut Column, left: &mut usize) -> Result<MessageKind, Damage> {
    Ok(MessageKind { name: read_key(column, left)?, version: column.small()? })
}

fn read_key(column: &mut Column, left: &mut usize) -> Result<String, Damage> {
    let text = column.text()?;
    *left = left.checked_sub(ENTRY + text.len()).ok_or(Damage("its forms are too large"))?;
    Ok(text.to_owned())
}
