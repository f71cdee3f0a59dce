//! Commands from many tasks to many aggregates, and what must be true of them in the end, whoever decided them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use cantus_engine::Engine;
use cantus_model::{
    AggregateRef, Command, CommandError, CommandRecord, Digest, DurableOutcome, Fault, LiveComponent, Manifest,
    Outcome,
    ports::{AggregateSandbox, Component, HashSeed, Store},
};
use cantus_replay::fold;
use cantus_tests::host;
use tokio::sync::watch;

use super::{add, reset};

/// The bound of each total.
const LIMIT: u64 = 1_000;

/// A component under a digest of its own, so that each swap can be told from the next.
pub(crate) struct Labelled {
    component: Arc<dyn Component>,
    digest: Digest,
}

impl Labelled {
    /// As it goes live in the swap of this number.
    pub(crate) fn live(component: &Arc<dyn Component>, swap: usize) -> LiveComponent {
        LiveComponent::new(Arc::new(Self { component: Arc::clone(component), digest: label(swap) }))
    }
}

fn label(swap: usize) -> Digest {
    Digest::of(&swap.to_le_bytes())
}

impl Component for Labelled {
    fn manifest(&self) -> &Manifest {
        self.component.manifest()
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn open_aggregates(&self, hash_seed: HashSeed) -> Result<Box<dyn AggregateSandbox>, Box<Fault>> {
        self.component.open_aggregates(hash_seed)
    }
}

/// The amount, and the aggregate that it goes to.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) tasks: usize,
    pub(crate) aggregates: usize,
    /// Commands that a task has on their way at once.
    pub(crate) burst: usize,
    pub(crate) swaps: usize,
    /// Commands that are answered between two swaps, at least.
    pub(crate) between: usize,
}

/// A command on its way through one or more swaps.
struct Sent {
    command: Command,
    /// The last swap that was complete when it was submitted, and when it was answered.
    swaps: (usize, usize),
    decided: DurableOutcome,
}

struct Road {
    engine: Arc<Engine>,
    shape: Shape,
    swap: AtomicUsize,
    answered: watch::Sender<usize>,
    over: AtomicBool,
}

/// Swaps `components` in turn while commands flow; `each` is called before each swap. Then checks everything.
pub(crate) async fn swap_under_load(
    store: Arc<dyn Store>,
    settings: cantus_engine::EngineSettings,
    shape: Shape,
    components: &[Arc<dyn Component>],
    mut each: impl FnMut(usize),
) {
    let clock = Arc::new(cantus_engine::FixedClock(host::NOW));
    let live = [Labelled::live(&components[0], 0)];
    let engine = Arc::new(host::start_live(settings, Arc::clone(&store), &live, clock).await.unwrap());
    let (swap, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let road = Arc::new(Road { engine, shape, swap, answered: watch::Sender::new(0), over });
    let tasks: Vec<_> = (0..shape.tasks).map(|task| tokio::spawn(drive(Arc::clone(&road), task))).collect();
    let mut answered = road.answered.subscribe();
    for swap in 1..=shape.swaps {
        let enough = *answered.borrow() + shape.between;
        answered.wait_for(|answered| *answered >= enough).await.unwrap();
        each(swap);
        road.engine.swap(&[Labelled::live(&components[swap % components.len()], swap)]).unwrap();
        road.swap.store(swap, SeqCst);
    }
    road.over.store(true, SeqCst);
    let mut sent = vec![];
    for task in tasks {
        sent.extend(task.await.expect("a command failed"));
    }
    road.engine.shutdown().await;
    let last = &components[shape.swaps % components.len()];
    check(&*store, sent, shape.swaps, last).await;
}

/// One caller: sends commands in bursts, and sends again what the store lost, and what the guest would not.
async fn drive(road: Arc<Road>, task: usize) -> Vec<Sent> {
    let mut sent = vec![];
    let mut round = 0;
    while !road.over.load(SeqCst) {
        let burst = (0..road.shape.burst).map(|part| {
            let number = round * road.shape.burst + part;
            let command = command(task, number, road.shape.aggregates);
            let swap = road.swap.load(SeqCst);
            (road.engine.submit(command.clone()), command, swap)
        });
        for (pending, command, swap) in burst.collect::<Vec<_>>() {
            let mut answer = pending.unwrap().await;
            while let Err(CommandError::Store(_) | CommandError::Fault(_)) = answer {
                if let Err(CommandError::Fault(fault)) = answer {
                    assert!(fault.message.contains("thirteen!"), "{fault}");
                    road.answered.send_modify(|answered| *answered += 1);
                }
                answer = road.engine.execute(command.clone()).await;
            }
            let decided = answer.unwrap_or_else(|error| {
                // So that nobody waits for more.
                road.answered.send_modify(|answered| *answered = usize::MAX / 2);
                panic!("{}: {error}", command.id)
            });
            sent.push(Sent { command, swaps: (swap, road.swap.load(SeqCst)), decided });
            road.answered.send_modify(|answered| *answered += 1);
        }
        round += 1;
    }
    sent
}

/// Some add, one in ten begins again, and some ask for more than fits.
fn command(task: usize, number: usize, aggregates: usize) -> Command {
    let (id, mixed) = (format!("{task}-{number}"), task * 7_919 + number * 104_729);
    let aggregate = format!("Tally/{}", mixed % aggregates);
    match mixed % 10 {
        0 => reset(&id, &aggregate),
        1 => add(&id, &aggregate, 13),
        kind => add(&id, &aggregate, (kind * kind * 3) as u64),
    }
}

async fn check(store: &dyn Store, sent: Vec<Sent>, swaps: usize, last: &Arc<dyn Component>) {
    let numbers: HashMap<Digest, usize> = (0..=swaps).map(|swap| (label(swap), swap)).collect();
    let journal = store.recent_commands(&["Tally".to_owned()], 10_000_000).await.unwrap();
    assert_eq!(journal.len(), sent.len(), "as many as were sent");
    let by_id: HashMap<&str, &CommandRecord> =
        journal.iter().map(|record| (record.context.command_id.as_str(), record)).collect();
    assert_eq!(by_id.len(), sent.len(), "each of them once");
    for Sent { command, swaps: (before, after), decided } in &sent {
        let record = by_id.get(command.id.as_str()).unwrap_or_else(|| panic!("{} is lost", command.id));
        assert_eq!(record.request_hash, command.request_hash());
        let answer = (&decided.outcome, decided.version, decided.first_offset, decided.component);
        let recorded = (&record.outcome, record.version(), record.first_offset, record.component);
        assert_eq!(answer, recorded, "{}", command.id);
        let swap = numbers[&record.component];
        // The next one may have come to its shard before whoever swaps knew.
        assert!((*before..=*after + 1).contains(&swap), "{}: {swap} is not in {before}..={after}", command.id);
    }
    let mut totals = BTreeMap::<&AggregateRef, Tally>::new();
    for record in &journal {
        totals.entry(&record.aggregate).or_default().decides(record, numbers[&record.component]);
    }
    let used: std::collections::BTreeSet<usize> = journal.iter().map(|record| numbers[&record.component]).collect();
    assert!(used.len() * 4 > swaps, "many of the swaps were in use: {used:?}");
    for (aggregate, tally) in totals {
        let state = fold(store, Arc::clone(last), aggregate, None).await.unwrap();
        assert_eq!(state.version, tally.version);
        let expected = format!(r#"{{"events":{},"total":{}}}"#, tally.version, tally.total);
        assert_eq!(String::from_utf8(state.state).unwrap(), expected, "{aggregate}");
    }
}

/// The expected decision, computed once more.
#[derive(Default)]
struct Tally {
    version: u64,
    total: u64,
    swap: usize,
}

impl Tally {
    fn decides(&mut self, record: &CommandRecord, swap: usize) {
        let id = &record.context.command_id;
        assert!(swap >= self.swap, "{id}: it went back from {} to {swap}", self.swap);
        self.swap = swap;
        assert_eq!(record.base_version, self.version, "{id}");
        let amount =
            String::from_utf8_lossy(&record.command.payload).chars().filter(char::is_ascii_digit).collect::<String>();
        let total = if amount.is_empty() { 0 } else { self.total + amount.parse::<u64>().unwrap() };
        let accepted = matches!(record.outcome, Outcome::Accepted { events: 1 });
        assert_eq!(accepted, total <= LIMIT, "{id}: {:?} on {}", record.outcome, self.total);
        if accepted {
            (self.total, self.version) = (total, self.version + 1);
        }
    }
}
