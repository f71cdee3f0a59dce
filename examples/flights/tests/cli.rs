//! The binary `flights-commands`.

use std::fs::File;
use std::process::{Command, Output, Stdio};

const DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/flights-2013-01-01.csv");

fn flights_commands(arguments: &[&str], input: Stdio) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flights-commands")).args(arguments).stdin(input).output().unwrap()
}

#[test]
fn a_file_and_standard_input_give_the_same_lines() {
    let from_file = flights_commands(&[DAY], Stdio::null());
    assert!(from_file.status.success());
    assert_eq!(from_file.stdout.iter().filter(|byte| **byte == b'\n').count(), 4204);
    for arguments in [&[][..], &["-"]] {
        let from_input = flights_commands(arguments, File::open(DAY).unwrap().into());
        assert!(from_input.status.success());
        assert!(from_input.stdout == from_file.stdout);
    }
}

#[test]
fn bad_input_and_wrong_arguments_have_exit_codes_of_their_own() {
    let bad = flights_commands(&[], Stdio::null());
    assert_eq!(bad.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&bad.stderr),
        "flights-commands: standard input, line 1, column year: missing in the header\n"
    );
    assert_eq!(flights_commands(&["--fast"], Stdio::null()).status.code(), Some(2));
    assert_eq!(flights_commands(&["a", "b"], Stdio::null()).status.code(), Some(2));
    assert_eq!(flights_commands(&["--help"], Stdio::null()).status.code(), Some(0));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_flights-commands"))
        .arg(DAY)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
}
