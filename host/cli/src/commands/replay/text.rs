//! The text of a replay report.

use std::fmt::Write as _;

use cantus_model::Manifest;
use cantus_replay::replay::{Findings, KindReport, MissingComponent, PerturbationReport, ReplayReport};

use crate::{
    findings,
    render::{self, escaped, message},
};

/// Renders the report of a replay, with the manifest of the candidate if there is one.
pub(super) fn report_text(report: &ReplayReport, candidate: Option<&Manifest>) -> String {
    let Findings { streams, commands, events, identical, .. } = report.findings;
    let by = match candidate {
        Some(manifest) => escaped(format_args!("{} {}", manifest.name, manifest.version)),
        None => "the components that decided them".to_owned(),
    };
    let [commands, streams, events] = [commands, streams, events].map(render::count);
    let mut text = format!("{commands} commands of {streams} streams, {events} events, decided again by {by}\n");
    let _ = writeln!(text, "{:>9}  identical", render::count(identical));
    text.push_str(&findings::groups_text(&report.findings, usize::MAX));
    if report.folded_only > 0 {
        let _ = writeln!(text, "{:>9}  before --since, only folded", render::count(report.folded_only));
    }
    text.push('\n');
    text.push_str(&kinds_table(&report.kinds));
    text.push_str(&states_text(report));
    if !report.missing.is_empty() {
        let missing: String = report.missing.iter().map(missing_text).collect();
        let _ = writeln!(
            text,
            "components that decided the commands are missing, so their cost and states are not compared:{missing}"
        );
    }
    report.perturbations.iter().for_each(|found| text.push_str(&perturbation_text(found)));
    text
}

/// Renders the kinds of commands. With a candidate, the cost is its fuel as a ratio to that of the recorded components.
fn kinds_table(kinds: &[KindReport]) -> String {
    let cost = |kind: &KindReport| match (kind.fuel_candidate, kind.fuel_recorded) {
        (Some(now), Some(before)) if before > 0 => format!("{:.2}", now as f64 / before as f64),
        _ => String::new(),
    };
    let row = |kind: &KindReport| {
        let differing = kind.commands - kind.identical;
        let counts = [kind.commands, kind.identical, differing].map(render::count);
        [vec![kind.command.clone()], counts.to_vec(), vec![cost(kind)]].concat()
    };
    let rows: Vec<_> = kinds.iter().map(row).collect();
    let with_cost = rows.iter().any(|row| row.last().is_some_and(|cost| !cost.is_empty()));
    let headings = ["command", "commands", "identical", "differ", if with_cost { "cost" } else { "" }];
    render::table(&headings, &[1, 2, 3, 4], &rows)
}

fn states_text(report: &ReplayReport) -> String {
    let states = &report.states;
    let mut text = format!("\nstates at the end: {}", states.digest.short());
    if states.differing > 0 {
        let (count, first) = (render::count(states.differing), escaped(states.examples.join(", ")));
        let _ = write!(text, ", {count} of them differ from those of the recorded components: {first}");
    }
    text.push('\n');
    text
}

/// Renders a missing component as a line.
pub(super) fn missing_text(MissingComponent { component, why }: &MissingComponent) -> String {
    let why = why.as_ref().map(|why| format!(": {}", message(why))).unwrap_or_default();
    format!("\n  {}{why}", component.short())
}

fn perturbation_text(found: &PerturbationReport) -> String {
    match found.differing {
        0 => format!("{}: no difference\n", found.name),
        differing => {
            let examples = found.examples.iter().map(findings::example_text);
            format!(
                "{}: {} differ; - is the usual run, + the perturbed one\n{}",
                found.name,
                render::count(differing),
                examples.collect::<String>()
            )
        }
    }
}
