//! The report for people.

use std::fmt::Write as _;

use cantus_replay::replay::{Findings, KindReport, MissingComponent, PerturbationReport, ReplayReport};

use super::source::Source;
use crate::{
    findings,
    render::{self, escaped, message},
};

pub(super) fn report(report: &ReplayReport, source: &Source) -> String {
    let Findings { streams, commands, events, identical, .. } = report.findings;
    let by = match source.manifest() {
        Some(manifest) => escaped(format_args!("{} {}", manifest.name, manifest.version)),
        None => "the components that decided them".to_owned(),
    };
    let [commands, streams, events] = [commands, streams, events].map(render::count);
    let mut text = format!("{commands} commands of {streams} streams, {events} events, decided again by {by}\n");
    let _ = writeln!(text, "{:>9}  identical", render::count(identical));
    text.push_str(&findings::groups(&report.findings, usize::MAX));
    if report.folded_only > 0 {
        let _ = writeln!(text, "{:>9}  before --since: only folded", render::count(report.folded_only));
    }
    text.push('\n');
    text.push_str(&kinds(&report.kinds));
    text.push_str(&states(report));
    if !report.missing.is_empty() {
        let missing: String = report.missing.iter().map(missing).collect();
        let _ = writeln!(
            text,
            "components that decided are not here, so nothing is said of their cost and states:{missing}"
        );
    }
    report.perturbations.iter().for_each(|found| text.push_str(&perturbation(found)));
    text
}

/// With a candidate, what it costs: its fuel against the recorded component's, side by side.
fn kinds(kinds: &[KindReport]) -> String {
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

fn states(report: &ReplayReport) -> String {
    let states = &report.states;
    let mut text = format!("\nstates at the end: {}", states.digest.short());
    if states.differing > 0 {
        let (count, first) = (render::count(states.differing), escaped(states.examples.join(", ")));
        let _ = write!(text, ", {count} of them not as the recorded component has them: {first}");
    }
    text.push('\n');
    text
}

/// On a line of its own.
pub(super) fn missing(MissingComponent { component, why }: &MissingComponent) -> String {
    let why = why.as_ref().map(|why| format!(": {}", message(why))).unwrap_or_default();
    format!("\n  {}{why}", component.short())
}

fn perturbation(found: &PerturbationReport) -> String {
    match found.differing {
        0 => format!("{}: no difference\n", found.name),
        differing => {
            let examples = found.examples.iter().map(findings::example_text);
            format!(
                "{}: {} differ, from - to +\n{}",
                found.name,
                render::count(differing),
                examples.collect::<String>()
            )
        }
    }
}
