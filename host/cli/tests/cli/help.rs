//! The help texts.

use crate::support::{Place, assert_golden};

#[test]
fn every_verb_explains_itself() {
    let verbs = [
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
    ];
    for verb in verbs {
        let output = Place::new().cantus(&format!("{verb} --help"));
        assert_eq!(output.status.code(), Some(0));
        assert_golden!(format!("help {verb}").trim().replace(' ', "_"), String::from_utf8(output.stdout).unwrap());
    }
}

#[test]
fn without_a_verb_the_help_is_shown() {
    let output = Place::new().cantus("");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Commands:"));
}
