//! The help texts.

use crate::support::{TestFolder, assert_golden};

#[test]
fn every_command_has_a_help_text() {
    let commands = [
        "",
        "plugin",
        "plugin new",
        "plugin build",
        "plugin inspect",
        "plugin list",
        "plugin history",
        "plugin verify",
        "plugin activate",
        "plugin rollback",
        "plugin deactivate",
        "run",
        "state",
        "events",
        "replay",
        "settings",
        "tape record",
        "tape show",
        "store check",
        "store accept",
        "demo",
        "bench",
    ];
    for command in commands {
        let output = TestFolder::new().cantus(&format!("{command} --help"));
        assert_eq!(output.status.code(), Some(0));
        assert_golden!(format!("help {command}").trim().replace(' ', "_"), String::from_utf8(output.stdout).unwrap());
    }
}

#[test]
fn without_a_command_the_help_is_shown() {
    let output = TestFolder::new().cantus("");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Commands:"));
}
