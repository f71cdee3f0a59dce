//! The report as JUnit XML, with a test case for each kind of command and each perturbation.

use cantus_replay::replay::{FindingGroup, KindReport, PerturbationReport, ReplayReport};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    exit_codes::{CliError, Exit, OrExit},
    findings,
};

const NAME: &str = "cantus replay";

/// Recognises an earlier report by its beginning.
pub(super) fn is_earlier(start: &[u8]) -> bool {
    String::from_utf8_lossy(start).contains(&format!("<testsuites name=\"{NAME}\""))
}

/// Renders the report. It contains no time, so the same report gives the same bytes.
pub(super) fn xml(report: &ReplayReport) -> Result<String, CliError> {
    let mut suite = TestSuite::new("recorded decisions");
    suite.add_test_cases(report.kinds.iter().map(|kind| command_case(kind, report)));
    let mut suites = vec![suite];
    if !report.perturbations.is_empty() {
        let mut suite = TestSuite::new("perturbations");
        suite.add_test_cases(report.perturbations.iter().map(perturbation_case));
        suites.push(suite);
    }
    let mut junit = Report::new(NAME);
    junit.add_test_suites(suites);
    junit.to_string().or_exit(Exit::Machine)
}

fn command_case(kind: &KindReport, report: &ReplayReport) -> TestCase {
    let is_ours = |group: &&FindingGroup| format!("{}.{}", group.aggregate, group.command) == kind.command;
    let groups: Vec<&FindingGroup> = report.findings.groups.iter().filter(is_ours).collect();
    let waived: u64 = groups.iter().filter(|group| group.waived.is_some()).map(|group| group.count).sum();
    let differing = kind.commands - kind.identical - waived;
    let message = format!("{differing} of {} decisions differ", kind.commands);
    let description = groups.iter().map(|group| findings::group_text(group, usize::MAX)).collect();
    test_case(&kind.command, differing, message, description)
}

fn perturbation_case(found: &PerturbationReport) -> TestCase {
    let message = format!("{} decisions differ", found.differing);
    let description = found.examples.iter().map(findings::example_text).collect();
    test_case(&found.name, found.differing, message, description)
}

fn test_case(name: &str, differing: u64, message: String, description: String) -> TestCase {
    if differing == 0 {
        return TestCase::new(name, TestCaseStatus::success());
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message).set_type("difference").set_description(description);
    TestCase::new(name, status)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cantus_replay::replay::{DecisionChange, Findings};

    use super::*;

    #[test]
    fn a_difference_in_the_group_of_others_fails_the_case() {
        let group = |command: &str, count, waived: Option<&str>| FindingGroup {
            change: DecisionChange::EventsDiffer,
            aggregate: "A".into(),
            command: command.into(),
            code: None,
            count,
            waived: waived.map(str::to_owned),
            examples: Vec::new(),
        };
        let groups = vec![group("C v1", 1, Some("agreed")), group("(others)", 5, None)];
        let kind = KindReport { command: "A.C v1".into(), commands: 10, identical: 4, ..KindReport::default() };
        let findings = Findings { groups, ..Findings::default() };
        let report = ReplayReport { findings, kinds: vec![kind], ..ReplayReport::default() };
        let xml = xml(&report).unwrap();
        assert!(xml.contains("5 of 10 decisions differ"));
        assert!(is_earlier(xml.as_bytes()) && !is_earlier(b"<testsuites name=\"nextest\""));
    }
}
