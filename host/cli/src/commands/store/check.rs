//! `cantus store check`: reads all of a store and reports what contradicts itself. Only reads.

use cantus_host::components::StoredComponents;
use std::sync::{Arc, Mutex, PoisonError};

use cantus_model::ports::ComponentStore;
use cantus_store::CheckReport;
use serde_json::json;

use super::head::{head_json, head_text};
use crate::{
    args::{GlobalArgs, StoreArg},
    commands::tape::CountProgress,
    exit_codes::{CliError, Exit, OrExit},
    output,
    settings::{self, Settings},
};

const EXAMPLES: &str = "\
Examples:
  cantus store check
  cantus store check --store sqlite:backup/cantus.db
  cantus store check --json | jq .problems

Every row is held against its checksum, every commit against the hash that is chained from commit to
commit, numbers must have no gaps, what rows say of each other must agree, and every component that
took a decision must be in the component store. It may run beside a host. Exit code 1 says that
something is wrong.

The hash at the end of the chain stands for everything before it: keep it where nobody who can write
to the store can write, and compare it later, to prove that history was not rewritten.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArg,
}

/// Checks it.
///
/// # Errors
/// If there is no store, or it cannot be read at all.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let shown = Arc::new(Mutex::new(Shown { bar: None, done: 0 }));
    let progress = {
        let shown = Arc::clone(&shown);
        move |done: u64, all: u64| shown.lock().unwrap_or_else(PoisonError::into_inner).show(done, all)
    };
    let mut report = cantus_store::check(&settings.host.store, progress).await.or_exit(Exit::Store)?;
    shown.lock().unwrap_or_else(PoisonError::into_inner).bar = None;
    check_components(&settings, &mut report)?;
    if global.json {
        output::print_json(&json_of(&report))?;
    } else {
        output::print(&text(&report))?;
    }
    Ok(if report.problem_count == 0 { Exit::Ok } else { Exit::Some })
}

/// What a person sees meanwhile: a bar for each partition.
struct Shown {
    bar: Option<CountProgress>,
    done: u64,
}

impl Shown {
    fn show(&mut self, done: u64, all: u64) {
        if done <= self.done || self.bar.is_none() {
            (self.bar, self.done) = (Some(CountProgress::start(Some(all))), 0);
        }
        if let Some(bar) = &self.bar {
            bar.add(usize::try_from(done - self.done).unwrap_or(usize::MAX));
        }
        self.done = done;
    }
}

/// Notes components that took decisions and cannot be run again.
fn check_components(settings: &Settings, report: &mut CheckReport) -> Result<(), CliError> {
    let stored = StoredComponents::open(&settings.host)?;
    for digest in report.deciders.clone() {
        match stored.get_component(digest) {
            Ok(Some(_)) => {}
            Ok(None) => report.problem(format!(
                "component {digest} took decisions and is not in {}: they cannot be replayed",
                settings.host.data.join("components").display()
            )),
            Err(refused) => report.problem(refused.to_string()),
        }
    }
    Ok(())
}

fn text(report: &CheckReport) -> String {
    let heads: String = report.heads.iter().map(head_text).collect();
    let mut text = format!("log {}\n{heads}{} snapshots\n", report.info.log_id, crate::render::count(report.snapshots));
    for problem in &report.problems {
        text.push_str(&format!("  {problem}\n"));
    }
    let described = report.problems.len() as u64;
    text.push_str(&match report.problem_count {
        0 => "Everything is what was written.\n".to_owned(),
        1 => "1 problem\n".to_owned(),
        count if count > described => format!("{count} problems, of which the first {described} are listed\n"),
        count => format!("{count} problems\n"),
    });
    text
}

fn json_of(report: &CheckReport) -> serde_json::Value {
    json!({
        "log_id": report.info.log_id,
        "partitions": report.heads.iter().map(head_json).collect::<Vec<_>>(),
        "snapshots": report.snapshots,
        "components": report.deciders,
        "problem_count": report.problem_count,
        "problems": report.problems,
    })
}
