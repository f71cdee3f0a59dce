//! One release after another through the command line: verified, live, listed, rolled back.

use cantus_tests::guests;

use crate::support::{Place, transcript};

/// A folder with flights 1.0.0.
fn place() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("plugins")).unwrap();
    std::fs::copy(guests::FLIGHTS, place.path("plugins/flights.wasm")).unwrap();
    place
}

fn run(place: &Place, line: &str, code: i32) -> String {
    let output = place.cantus(line);
    assert_eq!(output.status.code(), Some(code), "{line}: {}", transcript(&output));
    transcript(&output)
}

#[test]
fn a_release_goes_live_is_listed_and_rolled_back() {
    let place = place();
    let day = flights_of_the_day(&place);
    run(&place, &format!("run --commands {day}"), 0);
    let verified = run(&place, &format!("plugin verify {}", guests::FLIGHTS_1_1), 0);
    assert!(verified.contains("flights 1.1.0") && verified.contains("after 1.0.0"), "{verified}");
    assert!(verified.contains("1000 of 1000 recorded commands checked, in "), "{verified}");
    assert!(verified.contains("Flight.Depart v1: events differ") && verified.contains("it may go live"), "{verified}");
    let refused = run(&place, &format!("plugin verify {}", guests::FLIGHTS_1_2), 3);
    assert!(
        refused.contains("it may not go live") && refused.contains("a flight that arrived has landed"),
        "{refused}"
    );

    let cut_off = run(&place, &format!("plugin verify {} --set verify.time_ms=1", guests::FLIGHTS_1_1), 3);
    assert!(
        cut_off.contains("of 1000 recorded commands were checked before the time was up, and 100 must be"),
        "{cut_off}"
    );
    assert!(cut_off.contains("`cantus plugin activate flights@1.1.0 --no-verify --why REASON`"), "{cut_off}");

    std::fs::copy(guests::FLIGHTS_1_1, place.path("plugins/flights.wasm")).unwrap();
    place.write("none.jsonl", "");
    let live = run(&place, "run --commands none.jsonl", 0);
    assert!(live.contains("flights 1.1.0 is live in place of 1.0.0"), "{live}");
    let list = run(&place, "plugin list", 0);
    assert!(list.contains("1.1.0") && list.contains("active") && list.contains("flights.wasm"), "{list}");
    assert!(list.contains("1,000 of 1,000"), "{list}");

    let back = run(&place, "plugin rollback flights --who ada --why late-is-late", 0);
    assert!(back.contains("flights 1.0.0 is live in place of 1.1.0"), "{back}");
    // What was left does not come back by lying in the folder.
    run(&place, "run --commands none.jsonl", 0);
    let list = run(&place, "plugin list", 0);
    assert!(list.contains("rolled back") && list.contains("1.0.0"), "{list}");
    let history = run(&place, "plugin history flights", 0);
    assert!(
        history.contains("rolled-back") && history.contains("ada") && history.contains("late-is-late"),
        "{history}"
    );
    assert!(history.contains("none recorded") && history.contains("1,000 of 1,000"), "{history}");
    let report = run(&place, "plugin history flights --report 2", 0);
    assert!(report.contains("1000 of 1000 recorded commands checked"), "{report}");
    assert!(report.contains("events differ"), "{report}");

    let again = run(&place, "plugin activate flights@1.1.0", 0);
    assert!(again.contains("flights 1.1.0 is live"), "{again}");
    run(&place, "plugin activate flights@1.1.0", 1);
    let no_reason = run(&place, "plugin activate flights@1.0.0 --no-verify", 2);
    assert!(no_reason.contains("give one with --why"), "{no_reason}");
    run(&place, "plugin activate flights@9.9.9", 1);
    run(&place, "plugin activate zz", 2);
    run(&place, "plugin rollback nobody", 1);
}

/// It ends by hand, and not as long as its file lies there.
#[test]
fn a_plugin_is_ended_by_a_person() {
    let place = place();
    place.write("none.jsonl", "");
    run(&place, "run --commands none.jsonl", 0);
    let lies_there = run(&place, "plugin deactivate flights", 1);
    assert!(lies_there.contains("lies in the folder of plugins: take it out first"), "{lies_there}");
    std::fs::remove_file(place.path("plugins/flights.wasm")).unwrap();
    let stays = run(&place, "run --commands none.jsonl", 0);
    assert!(stays.contains("flights 1.0.0 stays live although its file flights.wasm is not in the folder"), "{stays}");
    let ended = run(&place, "plugin deactivate flights --who ada --why over", 0);
    assert!(ended.contains("flights 1.0.0 is not live any more: recorded as activation 2"), "{ended}");
    let nothing = run(&place, "run --commands none.jsonl", 3);
    assert!(nothing.contains("there is no plugin in"), "{nothing}");
    run(&place, "plugin deactivate flights", 1);
    let history = run(&place, "plugin history flights", 0);
    assert!(history.contains("removed") && history.contains("ada") && history.contains("over"), "{history}");
}

/// The commands of the day, as the demo makes them.
fn flights_of_the_day(place: &Place) -> String {
    let csv = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/flights/data/flights-2013-01-01.csv");
    let commands = flights::feed::open(std::path::Path::new(csv)).unwrap();
    let lines = commands.commands().map(|command| serde_json::to_string(&command.unwrap()).unwrap() + "\n");
    place.write("day.jsonl", lines.collect::<String>());
    "day.jsonl".to_owned()
}
