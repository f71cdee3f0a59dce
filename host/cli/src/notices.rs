//! The notices of the registry of a running host, as lines on stderr.

use cantus_engine::registry::RegistryNotice;
use cantus_model::ActivationCause;

use crate::{
    findings, output,
    render::{escaped, message},
};

/// Prints a notice to stderr.
pub(crate) fn print_notice(notice: &RegistryNotice) {
    output::above_progress(|| eprint!("{}", notice_text(notice)));
}

fn notice_text(notice: &RegistryNotice) -> String {
    match notice {
        RegistryNotice::Changed { activation, version, before, report } => {
            let plugin = escaped(&activation.plugin);
            let why = message(&activation.why);
            let before = before.as_ref().map(|before| format!(" in place of {before}")).unwrap_or_default();
            match version {
                None => format!("{plugin} is not live any more: {why}\n"),
                Some(version) => {
                    let why = match activation.cause {
                        ActivationCause::Faulted => format!("the host rolled back by itself: {why}"),
                        _ => why,
                    };
                    let differences = report.as_ref().map(|report| findings::groups_text(&report.findings, 1));
                    format!("{plugin} {version} is live{before}: {why}\n{}", differences.unwrap_or_default())
                }
            }
        }
        RegistryNotice::Refused { status, report } => {
            let reason = match report.as_ref().map(|report| report.refused.as_slice()) {
                Some([first, others @ ..]) if !others.is_empty() => format!("{first}; and {} more", others.len()),
                _ => status.reason.clone().unwrap_or_default(),
            };
            let reason = message(reason);
            let file = match (&status.plugin, &status.version) {
                (Some(plugin), Some(version)) => format!("{} ({plugin} {version})", status.file),
                _ => status.file.clone(),
            };
            format!("{} is refused: {reason}\n", escaped(file))
        }
        RegistryNotice::Problem(why) => format!("plugins: {}\n", message(why)),
    }
}
