//! The values that rules name do not reach the tape, and the rest stays consistent.

use cantus_model::{Command, Digest, HistoryQuery, Message, Outcome};
use cantus_store::tape::{RedactionError, Redactor, TapeError};

use crate::fixtures::*;

const SALT: &str = "a secret that nobody else knows";

fn redactor(rules: &str) -> Redactor {
    Redactor::parse(&format!("rule = [{rules}]"), SALT).unwrap()
}

fn redact_small(rules: &str) -> Vec<Stream> {
    let (bytes, summary) = write(pages(&small(), 2), &[], Some(redactor(rules))).unwrap();
    assert_eq!(summary.unused_rules, Vec::<String>::new());
    read_all(&bytes)
}

/// Returns the pseudonym of `value`.
fn pseudonym(value: &str) -> String {
    format!("redacted-{:016x}", Digest::of_parts([SALT.as_bytes(), value.as_bytes()]).seed())
}

fn payload(message: &Message) -> &str {
    std::str::from_utf8(&message.payload).unwrap()
}

const OWNERS: &str = r#"{ aggregate = "Account", message = "*", field = "/owner" }"#;

#[test]
fn a_value_has_the_same_pseudonym_everywhere() {
    let ada = pseudonym("Ada");
    let streams = redact_small(OWNERS);
    for (index, (_, commands)) in streams.iter().enumerate() {
        for (command, original) in commands.iter().zip(&small()[index].1) {
            let now = original.record.context.now.0;
            assert_eq!(payload(&command.record.command), format!(r#"{{"owner":"{ada}","n":{now}}}"#));
        }
    }
    let [opened, no] = &streams[0].1[..] else { panic!("{streams:?}") };
    assert_eq!(payload(&opened.events[0]), format!(r#"{{"owner":"{ada}"}}"#));
    assert_eq!(payload(&opened.events[1]), r#"{"owner":null}"#);
    let Outcome::Rejected(rejection) = &no.record.outcome else { panic!("{no:?}") };
    assert_eq!(rejection.message, format!("{ada} lacks 3"));
    assert_eq!(rejection.detail.as_deref(), Some(format!(r#"{{"owner":"{ada}","lacks":3}}"#).as_bytes()));
}

#[test]
fn no_named_value_is_left() {
    let rules = r#"
        { aggregate = "*", message = "*", field = "/owner" },
        { aggregate = "Account", part = "aggregate-id" },
        { aggregate = "*", part = "command-id" },
        { aggregate = "*", part = "actor" },
    "#;
    let streams = redact_small(rules);
    let text = format!("{streams:?}");
    for value in ["Ada", "\"UA\"", "\"a\"", "\"c-1\"", "b/1"] {
        assert!(!text.contains(value), "{value} is left in {text}");
    }
    for (aggregate, commands) in &streams {
        for command in commands {
            let (record, message) = (&command.record, &command.record.command);
            assert_eq!(record.aggregate, *aggregate);
            assert_eq!(record.context.correlation_id, record.context.command_id);
            // Of the recorded ones a value could be guessed.
            assert_eq!(record.context.seed, Command::seed_of(&record.context.command_id));
            let hash = Command::hash_of(aggregate, &message.name, Some(message.version), &message.payload, None);
            assert_eq!(record.request_hash, hash);
        }
    }
    assert_eq!(streams[1].0.id, pseudonym("b"));
}

#[test]
fn the_header_has_the_rules_and_not_the_salt() {
    let rules = format!("{OWNERS}, {{ aggregate = \"*\", part = \"aggregate-id\" }}");
    let query = HistoryQuery { aggregate: Some(small()[0].0.clone()), ..HistoryQuery::default() };
    let writer = cantus_store::tape::TapeWriter::new(vec![], &query, &[], Some(redactor(&rules))).unwrap();
    let (bytes, summary) = writer.finish().unwrap();
    assert_eq!(summary.unused_rules, ["Account.* /owner", "* aggregate-id"]);
    let folder = TapeFolder::new();
    let tape = folder.open(&bytes).unwrap();
    assert_eq!(tape.header().redacted, ["Account.* /owner", "* aggregate-id"]);
    assert_eq!(tape.header().query.aggregate.as_ref().map(|only| only.id.clone()), Some(pseudonym("a")));
    assert!(!String::from_utf8_lossy(&bytes).contains(SALT));
}

#[test]
fn another_salt_gives_other_pseudonyms() {
    let with = |salt| Redactor::parse(&format!("rule = [{OWNERS}]"), salt).unwrap();
    let bytes = |salt| write(pages(&small(), 2), &[], Some(with(salt))).unwrap().0;
    assert!(bytes(SALT) == bytes(SALT));
    assert!(bytes(SALT) != bytes("quite another secret"));
    assert!(matches!(Redactor::parse(&format!("rule = [{OWNERS}]"), "short"), Err(RedactionError::Salt)));
}

#[test]
fn a_value_that_cannot_be_redacted_is_refused() {
    let refused = |rules: &str, streams: &[Stream]| match write(pages(streams, 2), &[], Some(redactor(rules))) {
        Err(TapeError::Redaction(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let number = r#"{ aggregate = "Account", message = "Open", field = "/n" }"#;
    assert_eq!(
        refused(number, &small()),
        "Open of command c-1 cannot be redacted: a field that a rule names holds a number: only strings have pseudonyms"
    );
    let mut streams = small();
    streams[0].1[0].events[0].payload = vec![0xff];
    assert!(refused(OWNERS, &streams).contains("Opened of command c-1 cannot be redacted: it is not JSON"));
    // Nothing is named in it: it stays.
    let commands_only = r#"{ aggregate = "Account", message = "Open", field = "/owner" }"#;
    write(pages(&streams, 2), &[], Some(redactor(commands_only))).unwrap();
}

/// Correlation and causation ids still lead to the first command.
#[test]
fn a_chain_of_commands_stays_linked() {
    let mut streams = small();
    let follower = &mut streams[0].1[1].record.context;
    (follower.correlation_id, follower.causation_id) = ("c-1".into(), Some("c-1".into()));
    let parts = ["command-id", "correlation-id", "causation-id"];
    let rules = parts.map(|part| format!(r#"{{ aggregate = "*", part = "{part}" }}"#)).join(", ");
    let (bytes, summary) = write(pages(&streams, 2), &[], Some(redactor(&rules))).unwrap();
    assert_eq!(summary.unused_rules, Vec::<String>::new());
    let read = read_all(&bytes);
    let [first, follower] = [0, 1].map(|at| &read[0].1[at].record.context);
    let id = pseudonym("c-1");
    assert_eq!([&first.command_id, &first.correlation_id, &follower.correlation_id], [&id; 3]);
    assert_eq!(follower.causation_id.as_ref(), Some(&id));
}

#[test]
fn metadata_is_redacted_by_key() {
    let mut streams = small();
    let trace = |value: &str| vec![("user".to_owned(), value.to_owned()), ("trace".to_owned(), "t".to_owned())];
    streams[1].1[0].record.context.metadata = trace("Ada");
    let read = |rule: &str, streams: &[Stream]| {
        let rule = format!(r#"{{ aggregate = "*", part = "{rule}" }}"#);
        let (bytes, _) = write(pages(streams, 2), &[], Some(redactor(&rule))).unwrap();
        read_all(&bytes)[1].1[0].record.context.clone()
    };
    assert_eq!(read("metadata.user", &streams).metadata, trace(&pseudonym("Ada")));
    assert_eq!(read("metadata", &streams).metadata[1].1, pseudonym("t"));
    streams[0].1[1].record.context.causation_id = Some("b/1".into());
    let rule = r#"{ aggregate = "*", part = "causation-id" }, { aggregate = "*", part = "rejection-message" }"#;
    let caused = &read_all(&write(pages(&streams, 2), &[], Some(redactor(rule))).unwrap().0)[0].1[1].record;
    assert_eq!(caused.context.causation_id, Some(pseudonym("b/1")));
    assert!(matches!(&caused.outcome, Outcome::Rejected(no) if no.message == pseudonym("Ada lacks 3")));
    assert_eq!(read("correlation-id", &streams).correlation_id, pseudonym("b/1"));
}
