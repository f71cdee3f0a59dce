//! An aggregate that was restored equals one that was kept, and wasm equals native: over random histories of the
//! examples, an instance that comes from nothing or from any earlier snapshot, with the events since in batches of any
//! size, has the same snapshot and answers the next command in the same way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

// Linked for what they declare.
use {bank as _, counter as _};

use std::{
    cell::Cell,
    collections::BTreeMap,
    path::Path,
    sync::{Arc, LazyLock},
};

use cantus_model::{
    Context, EventBatch, Message, Rejection, Timestamp, Verdict,
    ports::{AggregateSandbox, Component, HandleError, HashSeed, InstanceId},
};
use cantus_sdk::{Failure, testing::Harness};
use cantus_tests::guests;
use cantus_wasm::{Limits, Runtime};
use proptest::{
    collection::vec,
    prelude::*,
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// One aggregate, with what it may be asked, in an order that makes sense.
#[derive(Clone)]
struct Subject {
    component: Arc<dyn Component>,
    aggregate_type: String,
    id: String,
    asked: Vec<Message>,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.aggregate_type, self.id)
    }
}

/// The next command.
#[derive(Clone, Debug)]
enum Step {
    /// The next command in the order that makes sense.
    Next,
    /// Anything that is known.
    Any(Index),
    /// Something known, spoilt.
    Spoilt(Index, u8),
}

/// Where an instance is made anew: before which command, from which snapshot, with how many events at a time.
#[derive(Clone, Debug)]
struct Cut {
    before: Index,
    from: Index,
    sizes: Vec<usize>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Next),
        3 => any::<Index>().prop_map(Step::Any),
        1 => (any::<Index>(), 0..7_u8).prop_map(|(which, how)| Step::Spoilt(which, how)),
    ];
    vec(step, 1..60)
}

fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    let cut = (any::<Index>(), any::<Index>(), vec(1..9_usize, 1..5));
    vec(cut.prop_map(|(before, from, sizes)| Cut { before, from, sizes }), 1..6)
}

fn message(name: &str, payload: &str) -> Message {
    Message { name: name.into(), version: 1, payload: payload.into() }
}

fn subjects() -> &'static [Subject] {
    static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| {
        let runtime = Runtime::new(&Limits::default(), None).unwrap();
        let load = |path| runtime.load(&std::fs::read(path).unwrap()).unwrap();
        let subject = |component: &Arc<dyn Component>, aggregate_type: &str, id: &str, asked| Subject {
            component: Arc::clone(component),
            aggregate_type: aggregate_type.into(),
            id: id.into(),
            asked,
        };
        let (counter, bank, flights) = (load(guests::COUNTER), load(guests::BANK), load(guests::FLIGHTS));
        let mut subjects = vec![
            subject(&counter, "Counter", "visitors", counting()),
            subject(&bank, "Account", "giro", banking()),
            subject(&bank, "Account", "savings", banking()),
        ];
        subjects.extend(flying().into_iter().map(|((kind, id), asked)| subject(&flights, kind, &id, asked)));
        subjects
    });
    &SUBJECTS
}

fn counting() -> Vec<Message> {
    ["Increment", "Increment", "Decrement", "Increment", "Reset"].map(|name| message(name, "{}")).into()
}

fn banking() -> Vec<Message> {
    let mut asked = vec![message("OpenAccount", r#"{"owner":"Ada","overdraft":50}"#)];
    for amount in [0, 1, 70, 5_000, i64::MAX as u64] {
        asked.push(message("Deposit", &format!(r#"{{"amount":{amount},"reference":"gr\u00fc\u00dfe"}}"#)));
        asked.push(message("Withdraw", &format!(r#"{{"amount":{amount}}}"#)));
        asked.push(message("TransferOut", &format!(r#"{{"to":"savings","amount":{amount}}}"#)));
        asked.push(message("TransferIn", &format!(r#"{{"from":"giro","amount":{amount}}}"#)));
    }
    asked.push(message("CloseAccount", "{}"));
    asked
}

/// Reports of the day on the busiest aircraft, and on flights that differ in how they ended.
fn flying() -> Vec<((&'static str, String), Vec<Message>)> {
    let day = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/flights/data/flights-2013-01-01.csv");
    let mut reports = BTreeMap::<_, Vec<Message>>::new();
    for line in flights::feed::open(&day).unwrap().commands().map(Result::unwrap) {
        let asked = reports.entry((line.aggregate, line.aggregate_id)).or_default();
        asked.push(Message { version: line.version, ..message(line.command, line.payload.get()) });
    }
    let mut kinds = BTreeMap::new();
    for (of, asked) in reports {
        let names: Vec<String> = asked.iter().map(|message| message.name.clone()).collect();
        kinds.entry((of.0, names)).or_insert((of, asked));
    }
    let mut chosen: Vec<_> = kinds.into_values().collect();
    chosen.sort_by_key(|(of, asked)| (std::cmp::Reverse(asked.len()), of.clone()));
    chosen.truncate(10);
    chosen
}

impl Subject {
    fn commands(&self, steps: &[Step]) -> Vec<Message> {
        let mut next = self.asked.iter().cycle();
        let command = |step: &Step| match step {
            Step::Next => next.next().unwrap().clone(),
            Step::Any(which) => which.get(&self.asked).clone(),
            Step::Spoilt(which, how) => spoil(which.get(&self.asked).clone(), *how),
        };
        steps.iter().map(command).collect()
    }
}

fn spoil(mut message: Message, how: u8) -> Message {
    match how {
        0 => message.payload.clear(),
        1 => message.payload = b"{\"amount\":-1}".into(),
        2 => drop(message.payload.pop()),
        3 => message.payload[0] = 0xff,
        4 => message.payload = b"null".into(),
        5 => message.name = "Nope".into(),
        _ => message.version = 99,
    }
    message
}

fn context(n: usize) -> Context {
    Context {
        command_id: format!("c-{n}"),
        now: Timestamp(1_357_000_000_000_000 + n as u64),
        seed: n as u64,
        correlation_id: "c".into(),
        causation_id: None,
        actor: n.is_multiple_of(2).then(|| "somebody".into()),
        metadata: vec![("n".into(), n.to_string())],
    }
}

/// The same aggregate without wasm.
struct Native(Harness);

impl Native {
    fn new(subject: &Subject) -> Self {
        Self(Harness::new(&subject.aggregate_type, &subject.id))
    }

    fn handle(&mut self, command: &Message, n: usize) -> Reply {
        let context = context(n);
        self.0.context.command_id = context.command_id;
        self.0.context.now = cantus_sdk::Timestamp::from_micros(context.now.0);
        self.0.context.seed = context.seed;
        self.0.context.correlation_id = context.correlation_id;
        self.0.context.actor = context.actor;
        self.0.context.metadata = context.metadata;
        match self.0.handle(&command.name, command.version, command.payload.clone()) {
            Ok(events) => Ok(Verdict::Accepted(events.into_iter().map(hosts).collect())),
            Err(Failure::Rejected(no)) => {
                Ok(Verdict::Rejected(Rejection { code: no.code, message: no.message, detail: no.detail }))
            }
            Err(Failure::Unknown(what)) => {
                Err(format!("it declares {} v{} but answered: {what}", command.name, command.version))
            }
            Err(Failure::Malformed(why)) => Err(why),
        }
    }

    fn combine(&mut self, events: &[Message]) {
        let events: Vec<_> = events.iter().cloned().map(guests_own).collect();
        self.0.combine(&events).unwrap();
    }
}

fn hosts(event: cantus_sdk::Message) -> Message {
    Message { name: event.name, version: event.version, payload: event.payload }
}

fn guests_own(event: Message) -> cantus_sdk::Message {
    cantus_sdk::Message { name: event.name, version: event.version, payload: event.payload }
}

/// The history of the warm instance.
struct Warm {
    events: Vec<Message>,
    /// By the version that it stood at.
    snapshots: BTreeMap<usize, Vec<u8>>,
    /// Of each command: the version that it met, and the answer.
    replies: Vec<(usize, Reply)>,
}

/// Runs all commands on one instance in wasm and one without, which must agree.
fn keep(subject: &Subject, commands: &[Message]) -> Warm {
    let mut sandbox = subject.component.open_aggregates(HashSeed::default()).unwrap();
    let instance = sandbox.restore(&subject.aggregate_type, &subject.id, None).unwrap();
    let mut native = Native::new(subject);
    let mut warm = Warm { events: vec![], snapshots: BTreeMap::new(), replies: vec![] };
    warm.snapshots.insert(0, sandbox.snapshot(instance).unwrap());
    for (n, command) in commands.iter().enumerate() {
        let reply = reply_of(sandbox.handle(instance, command, &context(n)));
        assert_eq!(reply, native.handle(command, n), "{command:?}");
        warm.replies.push((warm.events.len(), reply.clone()));
        let events = events_of(reply);
        sandbox.combine(instance, &events.iter().collect()).unwrap();
        native.combine(&events);
        warm.events.extend(events);
        let snapshot = sandbox.snapshot(instance).unwrap();
        assert_eq!(text(&snapshot), text(&native.0.snapshot()));
        if let Some(before) = warm.snapshots.insert(warm.events.len(), snapshot.clone()) {
            assert_eq!(text(&before), text(&snapshot), "a command without events changed the state");
        }
    }
    warm
}

/// A verdict, or the reason why there is none.
type Reply = Result<Verdict, String>;

fn reply_of(result: Result<Verdict, HandleError>) -> Reply {
    result.map_err(|error| match error {
        HandleError::Malformed(why) => why,
        HandleError::Fault(fault) => fault.message,
    })
}

fn events_of(reply: Reply) -> Vec<Message> {
    reply.map_or_else(|_| vec![], |verdict| verdict.events().to_vec())
}

fn text(snapshot: &[u8]) -> String {
    String::from_utf8_lossy(snapshot).into_owned()
}

/// Makes an instance from a snapshot, or from nothing, and the events since, some at a time.
fn make(
    sandbox: &mut dyn AggregateSandbox,
    subject: &Subject,
    snapshot: Option<&[u8]>,
    events: &[Message],
    sizes: &[usize],
) -> InstanceId {
    let instance = sandbox.restore(&subject.aggregate_type, &subject.id, snapshot).unwrap();
    for batch in batches(events, sizes) {
        sandbox.combine(instance, &batch.iter().collect::<EventBatch>()).unwrap();
    }
    instance
}

fn batches<'a>(mut events: &'a [Message], sizes: &'a [usize]) -> impl Iterator<Item = &'a [Message]> {
    sizes.iter().cycle().map_while(move |size| {
        let (batch, rest) = events.split_at((*size).min(events.len()));
        events = rest;
        (!batch.is_empty()).then_some(batch)
    })
}

fn check_cut(subject: &Subject, commands: &[Message], warm: &Warm, cut: &Cut) {
    let n = cut.before.index(commands.len());
    let (version, reply) = &warm.replies[n];
    let earlier: Vec<_> = warm.snapshots.range(..=version).collect();
    // At 0 there are two ways: from nothing, or from the snapshot of nothing.
    let (from, snapshot) = match cut.from.index(earlier.len() + 1) {
        0 => (0, None),
        which => (*earlier[which - 1].0, Some(earlier[which - 1].1.as_slice())),
    };
    let tail = &warm.events[from..*version];
    let mut sandbox = subject.component.open_aggregates(HashSeed::default()).unwrap();
    let fresh = make(&mut *sandbox, subject, snapshot, tail, &cut.sizes);
    assert_eq!(text(&sandbox.snapshot(fresh).unwrap()), text(&warm.snapshots[version]), "{cut:?}");
    assert_eq!(reply_of(sandbox.handle(fresh, &commands[n], &context(n))), *reply, "{cut:?}");

    let mut native = Native::new(subject);
    if let Some(snapshot) = snapshot {
        native.0.restore(snapshot).unwrap();
    }
    batches(tail, &cut.sizes).for_each(|batch| native.combine(batch));
    assert_eq!(text(&native.0.snapshot()), text(&warm.snapshots[version]), "{cut:?}");
    assert_eq!(native.handle(&commands[n], n), *reply, "{cut:?}");
}

/// The same cases every time; `PROPTEST_CASES` is how many.
fn runner(cases: u32) -> TestRunner {
    let cases = std::env::var("PROPTEST_CASES").map_or(cases, |cases| cases.parse().expect("a number of cases"));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn fresh_equals_warm_and_wasm_equals_native() {
    for subject in subjects() {
        let events = Cell::new(0);
        let checked = runner(16).run(&(steps(), cuts()), |(steps, cuts)| {
            let commands = subject.commands(&steps);
            let warm = keep(subject, &commands);
            cuts.iter().for_each(|cut| check_cut(subject, &commands, &warm, cut));
            events.set(events.get() + warm.events.len());
            Ok(())
        });
        checked.unwrap_or_else(|error| panic!("{subject:?}: {error}"));
        assert!(events.get() > 16, "{subject:?}: the histories have only {} events", events.get());
    }
}

/// The instance whose turn it is; it may be dropped and made again first.
type Turn = (bool, bool);

#[test]
fn neighbours_in_a_sandbox_do_not_meet() {
    let subjects = subjects();
    let pairs = subjects.windows(2).filter(|pair| pair[0].component.digest() == pair[1].component.digest());
    for pair in pairs {
        let strategy = (steps(), steps(), vec(any::<Turn>(), 1..80), vec(1..9_usize, 1..5));
        let checked = runner(12).run(&strategy, |(one, other, turns, sizes)| {
            let commands = [pair[0].commands(&one), pair[1].commands(&other)];
            let alone = [keep(&pair[0], &commands[0]), keep(&pair[1], &commands[1])];
            interleave(pair, &commands, &alone, &turns, &sizes);
            Ok(())
        });
        checked.unwrap_or_else(|error| panic!("{pair:?}: {error}"));
    }
}

fn interleave(pair: &[Subject], commands: &[Vec<Message>; 2], alone: &[Warm; 2], turns: &[Turn], sizes: &[usize]) {
    let mut sandbox = pair[0].component.open_aggregates(HashSeed::default()).unwrap();
    let mut instances = [0, 1].map(|who| make(&mut *sandbox, &pair[who], None, &[], sizes));
    let mut done = [0, 0];
    for (first, anew) in turns {
        let who = usize::from(!first);
        let n = done[who];
        let Some(command) = commands[who].get(n) else { continue };
        let (version, reply) = &alone[who].replies[n];
        if *anew {
            sandbox.release(instances[who]).unwrap();
            instances[who] = make(&mut *sandbox, &pair[who], None, &alone[who].events[..*version], sizes);
        }
        assert_eq!(reply_of(sandbox.handle(instances[who], command, &context(n))), *reply, "{:?}: {n}", pair[who]);
        let events = events_of(reply.clone());
        sandbox.combine(instances[who], &events.iter().collect()).unwrap();
        done[who] += 1;
        for (who, subject) in pair.iter().enumerate() {
            let version = alone[who].replies.get(done[who]).map_or(alone[who].events.len(), |(version, _)| *version);
            let snapshot = sandbox.snapshot(instances[who]).unwrap();
            assert_eq!(text(&snapshot), text(&alone[who].snapshots[&version]), "{subject:?}");
        }
    }
}
