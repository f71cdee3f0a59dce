//! `cantus store check`: reads a whole store and reports every contradiction. It only reads.

use std::sync::{Arc, Mutex, PoisonError};

use cantus_host::components::StoredComponents;
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

The check compares every row with its checksum and every commit with the hash chain. It also checks
that numbers have no gaps, that references between rows agree, and that every component that
decided a command is in the component store. A host may be running. Exit code 1: there is a
problem.

The hash at the end of the chain covers everything before it. To prove later that history was not
rewritten, keep it in a place to which nobody who can write to the store has access.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArg,
}

/// Checks the store.
///
/// # Errors
/// If there is no store, or it cannot be read at all.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let bars = Arc::new(Mutex::new(PartitionBars { bar: None, done: 0 }));
    let progress = {
        let bars = Arc::clone(&bars);
        move |done: u64, all: u64| bars.lock().unwrap_or_else(PoisonError::into_inner).show(done, all)
    };
    let mut report = cantus_store::check(&settings.host.store, progress).await.or_exit(Exit::Store)?;
    bars.lock().unwrap_or_else(PoisonError::into_inner).bar = None;
    check_components(&settings, &mut report)?;
    if global.json {
        output::print_json(&report_json(&report))?;
    } else {
        output::print(&report_text(&report))?;
    }
    Ok(if report.problem_count == 0 { Exit::Ok } else { Exit::Partial })
}

/// The progress bars, one for each partition.
struct PartitionBars {
    bar: Option<CountProgress>,
    done: u64,
}

impl PartitionBars {
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

/// Reports components that decided commands and are missing.
fn check_components(settings: &Settings, report: &mut CheckReport) -> Result<(), CliError> {
    let stored = StoredComponents::open(&settings.host)?;
    for digest in report.deciders.clone() {
        match stored.get_component(digest) {
            Ok(Some(_)) => {}
            Ok(None) => report.problem(format!(
                "the component {digest} decided commands and is not in {}: these commands cannot be replayed",
                settings.host.data.join("components").display()
            )),
            Err(refused) => report.problem(refused.to_string()),
        }
    }
    Ok(())
}

fn report_text(report: &CheckReport) -> String {
    let heads: String = report.heads.iter().map(head_text).collect();
    let mut text = format!("log {}\n{heads}{} snapshots\n", report.info.log_id, crate::render::count(report.snapshots));
    for problem in &report.problems {
        text.push_str(&format!("  {problem}\n"));
    }
    let described = report.problems.len() as u64;
    text.push_str(&match report.problem_count {
        0 => "No problem was found.\n".to_owned(),
        1 => "1 problem\n".to_owned(),
        count if count > described => format!("{count} problems; the first {described} are listed\n"),
        count => format!("{count} problems\n"),
    });
    text
}

fn report_json(report: &CheckReport) -> serde_json::Value {
    json!({
        "log_id": report.info.log_id,
        "partitions": report.heads.iter().map(head_json).collect::<Vec<_>>(),
        "snapshots": report.snapshots,
        "components": report.deciders,
        "problem_count": report.problem_count,
        "problems": report.problems,
    })
}
