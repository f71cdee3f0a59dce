//! Releases through the command line: verified, activated, listed, rolled back and deactivated.

use cantus_tests::guests;

use crate::support::{TestFolder, transcript};

/// A folder with flights 1.0.0.
fn folder() -> TestFolder {
    let folder = TestFolder::new();
    std::fs::create_dir(folder.path("plugins")).unwrap();
    std::fs::copy(guests::FLIGHTS, folder.path("plugins/flights.wasm")).unwrap();
    folder
}

fn run(folder: &TestFolder, line: &str, code: i32) -> String {
    let output = folder.cantus(line);
    assert_eq!(output.status.code(), Some(code), "{line}: {}", transcript(&output));
    transcript(&output)
}

#[test]
fn a_release_goes_live_is_listed_and_rolled_back() {
    let folder = folder();
    let day = flights_of_the_day(&folder);
    run(&folder, &format!("run --commands {day}"), 0);
    let verified = run(&folder, &format!("plugin verify {}", guests::FLIGHTS_1_1), 0);
    assert!(verified.contains("flights 1.1.0") && verified.contains("after 1.0.0"), "{verified}");
    assert!(verified.contains("1000 of 1000 recorded commands checked, in "), "{verified}");
    assert!(verified.contains("Flight.Depart v1: events differ") && verified.contains("it may go live"), "{verified}");
    let refused = run(&folder, &format!("plugin verify {}", guests::FLIGHTS_1_2), 3);
    assert!(
        refused.contains("it may not go live") && refused.contains("a flight that arrived has landed"),
        "{refused}"
    );

    let cut_off = run(&folder, &format!("plugin verify {} --set verify.time_ms=1", guests::FLIGHTS_1_1), 3);
    assert!(
        cut_off.contains("of 1000 recorded commands were checked before the time was up, and 100 must be"),
        "{cut_off}"
    );
    assert!(cut_off.contains("`cantus plugin activate flights@1.1.0 --no-verify --why REASON`"), "{cut_off}");

    std::fs::copy(guests::FLIGHTS_1_1, folder.path("plugins/flights.wasm")).unwrap();
    folder.write("none.jsonl", "");
    let live = run(&folder, "run --commands none.jsonl", 0);
    assert!(live.contains("flights 1.1.0 is live in place of 1.0.0"), "{live}");
    let list = run(&folder, "plugin list", 0);
    assert!(list.contains("1.1.0") && list.contains("active") && list.contains("flights.wasm"), "{list}");
    assert!(list.contains("1,000 of 1,000"), "{list}");

    let back = run(&folder, "plugin rollback flights --who ada --why late-is-late", 0);
    assert!(back.contains("flights 1.0.0 is live in place of 1.1.0"), "{back}");
    // The version that was rolled back does not go live again, although its file is in the folder.
    run(&folder, "run --commands none.jsonl", 0);
    let list = run(&folder, "plugin list", 0);
    assert!(list.contains("rolled back") && list.contains("1.0.0"), "{list}");
    let history = run(&folder, "plugin history flights", 0);
    assert!(
        history.contains("rolled-back") && history.contains("ada") && history.contains("late-is-late"),
        "{history}"
    );
    assert!(history.contains("none recorded") && history.contains("1,000 of 1,000"), "{history}");
    let report = run(&folder, "plugin history flights --report 2", 0);
    assert!(report.contains("1000 of 1000 recorded commands checked"), "{report}");
    assert!(report.contains("events differ"), "{report}");

    let again = run(&folder, "plugin activate flights@1.1.0", 0);
    assert!(again.contains("flights 1.1.0 is live"), "{again}");
    run(&folder, "plugin activate flights@1.1.0", 1);
    let no_reason = run(&folder, "plugin activate flights@1.0.0 --no-verify", 2);
    assert!(no_reason.contains("give one with --why"), "{no_reason}");
    run(&folder, "plugin activate flights@9.9.9", 1);
    run(&folder, "plugin activate zz", 2);
    run(&folder, "plugin rollback nobody", 1);
}

/// A plugin cannot be deactivated while its file is in the folder.
#[test]
fn a_plugin_is_deactivated() {
    let folder = folder();
    folder.write("none.jsonl", "");
    run(&folder, "run --commands none.jsonl", 0);
    let blocked = run(&folder, "plugin deactivate flights", 1);
    assert!(blocked.contains("is in the folder of plugins: remove it first"), "{blocked}");
    std::fs::remove_file(folder.path("plugins/flights.wasm")).unwrap();
    let stays = run(&folder, "run --commands none.jsonl", 0);
    assert!(stays.contains("flights 1.0.0 stays live although its file flights.wasm is not in the folder"), "{stays}");
    let ended = run(&folder, "plugin deactivate flights --who ada --why over", 0);
    assert!(ended.contains("flights 1.0.0 is not live any more: recorded as activation 2"), "{ended}");
    let nothing = run(&folder, "run --commands none.jsonl", 3);
    assert!(nothing.contains("there is no plugin in"), "{nothing}");
    run(&folder, "plugin deactivate flights", 1);
    let history = run(&folder, "plugin history flights", 0);
    assert!(history.contains("removed") && history.contains("ada") && history.contains("over"), "{history}");
}

/// Writes the commands of the day, as the demo does.
fn flights_of_the_day(folder: &TestFolder) -> String {
    let csv = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/flights/data/flights-2013-01-01.csv");
    let commands = flights::feed::open(std::path::Path::new(csv)).unwrap();
    let lines = commands.commands().map(|command| serde_json::to_string(&command.unwrap()).unwrap() + "\n");
    folder.write("day.jsonl", lines.collect::<String>());
    "day.jsonl".to_owned()
}
