//! Another timeline of one aggregate, beside the recorded one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bank;
mod bounds;
mod branch;
mod components;
mod faults;
mod time;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
};

use cantus_engine::{Clock, FixedClock};
use cantus_model::{AggregateRef, Command, Digest, LiveComponent, ports::Component};
use cantus_replay::{
    replay::JsonText,
    whatif::{
        Branch, BranchError, BranchPoint, StepCounts, StepMark, TimelineStep, Timelines, WhatIfError, WhatIfQuery,
        whatif,
    },
};
use cantus_store::MemoryStore;
use cantus_tests::{
    guests,
    host::{self, command},
};
use serde_json::Value;

/// The component of these bytes, loaded once for all tests.
fn component(bytes: &[u8]) -> Arc<dyn Component> {
    static LOADED: LazyLock<Mutex<BTreeMap<Digest, Arc<dyn Component>>>> = LazyLock::new(Mutex::default);
    let load = || host::runtime(&host::limits()).load(bytes).unwrap();
    Arc::clone(LOADED.lock().unwrap().entry(Digest::of(bytes)).or_insert_with(load))
}

fn guest(path: &str) -> Arc<dyn Component> {
    component(&guests::read(path))
}

fn shifty(version: &str, mode: &str) -> Arc<dyn Component> {
    component(&guests::shifty("shifty", version, mode))
}

/// Recorded history, and the components that decided it.
struct World {
    store: Arc<MemoryStore>,
    known: BTreeMap<Digest, Arc<dyn Component>>,
}

/// The change at the branch point.
#[derive(Clone, Copy, PartialEq)]
enum Do {
    Drop,
    Insert,
}

impl World {
    /// A history that `component` decided.
    async fn of(component: &Arc<dyn Component>, commands: impl IntoIterator<Item = Command>) -> Self {
        Self::at(Arc::new(FixedClock(host::NOW)), [(Arc::clone(component), commands)]).await
    }

    /// A history that one component after another decided.
    async fn at<C>(clock: Arc<dyn Clock>, spells: impl IntoIterator<Item = (Arc<dyn Component>, C)>) -> Self
    where
        C: IntoIterator<Item = Command>,
    {
        let (store, mut known) = (Arc::new(MemoryStore::default()), BTreeMap::new());
        let engine = host::start_live(host::settings(), store.clone(), &[], clock).await.unwrap();
        for (component, commands) in spells {
            engine.swap(&[LiveComponent::new(Arc::clone(&component))]).unwrap();
            known.insert(component.digest(), component);
            for command in commands {
                engine.execute(command).await.unwrap();
            }
        }
        engine.shutdown().await;
        Self { store, known }
    }

    async fn branch(&self, aggregate: &str, at: impl Into<Place>) -> Result<Branch, BranchError> {
        let (kind, id) = aggregate.split_once('/').unwrap();
        Branch::find(&*self.store, AggregateRef::new(kind, id), &at.into().0).await
    }

    /// The question, with bounds that nobody reaches.
    fn question(&self, branch: Branch, what: Do, commands: impl IntoIterator<Item = Command>) -> WhatIfQuery {
        let known = self.known.clone();
        WhatIfQuery {
            branch,
            retain_branch_command: what == Do::Insert,
            commands: commands.into_iter().collect(),
            plugin: None,
            finder: Box::new(move |digest| Ok(known.get(&digest).cloned())),
            events_per_command: 1_000,
            payload_bytes: 1 << 20,
            limit: usize::MAX,
        }
    }

    /// Asks it twice, which must not matter, and writes nothing.
    async fn ask(&self, question: impl Fn() -> WhatIfQuery) -> Result<Timelines, WhatIfError> {
        let before = format!("{:?}", self.store);
        let [one, two] = [
            whatif(&*self.store, &*self.store, question()).await,
            whatif(&*self.store, &*self.store, question()).await,
        ];
        assert_eq!(one.as_ref().ok(), two.as_ref().ok());
        assert!(before == format!("{:?}", self.store), "the store is not what it was");
        one
    }

    /// The answer with the recorded components.
    async fn tell(&self, aggregate: &str, at: impl Into<Place>, what: Do, commands: &[Command]) -> Timelines {
        let branch = self.branch(aggregate, at).await.unwrap();
        self.ask(|| self.question(branch.clone(), what, commands.to_vec())).await.unwrap()
    }

    /// The answer with another component.
    async fn tell_with(
        &self,
        plugin: &Arc<dyn Component>,
        aggregate: &str,
        at: impl Into<Place>,
        what: Do,
        commands: &[Command],
    ) -> Timelines {
        let branch = self.branch(aggregate, at).await.unwrap();
        let plugin = || Some(Arc::clone(plugin));
        self.ask(|| WhatIfQuery { plugin: plugin(), ..self.question(branch.clone(), what, commands.to_vec()) })
            .await
            .unwrap()
    }
}

/// Where: a version or an id.
struct Place(BranchPoint);

impl From<u64> for Place {
    fn from(version: u64) -> Self {
        Self(BranchPoint::Version(version))
    }
}

impl From<&str> for Place {
    fn from(id: &str) -> Self {
        Self(BranchPoint::Command(id.to_owned()))
    }
}

/// `MARK ID: OUTCOME → OUTCOME`, where an outcome is the events with their versions, or a code.
fn line(step: &TimelineStep) -> String {
    let mark = match step.mark {
        StepMark::Unchanged => '=',
        StepMark::Changed => '~',
        StepMark::Added => '+',
        StepMark::Removed => '-',
    };
    let side = |side: &Option<cantus_replay::whatif::TimelineSide>| {
        side.as_ref().map_or("nothing".to_owned(), |side| outcome(side.version, &json(&side.decision)))
    };
    format!("{mark} {}: {} → {}", step.command_id, side(&step.before), side(&step.now))
}

fn outcome(version: u64, decision: &Value) -> String {
    if let Some(events) = decision["accepted"].as_array() {
        let events = (version + 1..)
            .zip(events)
            .map(|(version, event)| format!("{version} {}", event["event"].as_str().unwrap()));
        return events.collect::<Vec<_>>().join(", ");
    }
    match decision["rejected"]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => decision.as_object().and_then(|it| it.keys().next().cloned()).unwrap_or_else(|| decision.to_string()),
    }
}

fn lines(found: &Timelines) -> Vec<String> {
    found.divergence.steps.iter().map(line).collect()
}

fn marks(found: &Timelines, id: &str) -> Vec<StepMark> {
    step(found, id).events.iter().map(|event| event.mark).collect()
}

fn step<'a>(found: &'a Timelines, id: &str) -> &'a TimelineStep {
    found.divergence.steps.iter().find(|step| step.command_id == id).unwrap()
}

/// The answer to a command of the new timeline.
fn now(found: &Timelines, id: &str) -> Value {
    json(&step(found, id).now.as_ref().unwrap().decision)
}

fn json(text: &JsonText) -> Value {
    serde_json::from_str(text.get()).unwrap()
}

/// Where both timelines end, as JSON.
fn ends(found: &Timelines) -> [Value; 2] {
    [&found.before, &found.now].map(|end| serde_json::from_slice(end.state.as_ref().unwrap()).unwrap())
}

fn tally(unchanged: u64, changed: u64, added: u64, removed: u64) -> StepCounts {
    StepCounts { unchanged, changed, added, removed }
}
