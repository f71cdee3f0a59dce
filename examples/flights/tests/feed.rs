//! The bureau's table becomes commands.

use std::{collections::BTreeSet, fs, io::Write, path::Path};

use flights::feed::{self, CommandLine, FeedError, Timeline};

const HEADER: &str = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,\
    carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour";
const FLOWN: &str = "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z";
const CANCELLED: &str = "2013,1,1,NA,1630,NA,NA,1815,NA,EV,4308,NA,EWR,RDU,NA,416,16,30,2013-01-01T21:00:00Z";
const DIVERTED: &str = "2013,1,1,2016,1930,46,NA,2220,NA,EV,4204,N14168,EWR,OKC,NA,1325,19,30,2013-01-02T00:00:00Z";
const ARRIVED_LATER: &str =
    "2013,1,1,1525,1530,-5,1934,1805,NA,MQ,4525,N719MQ,LGA,XNA,NA,1147,15,30,2013-01-01T20:00:00Z";

fn read(rows: &[&str]) -> Result<Timeline, FeedError> {
    feed::read(format!("{HEADER}\n{}\n", rows.join("\n")).as_bytes(), "day.csv")
}

fn commands(timeline: &Timeline) -> Vec<CommandLine> {
    timeline.commands().collect::<Result<_, _>>().unwrap()
}

fn ids(rows: &[&str]) -> Vec<String> {
    commands(&read(rows).unwrap()).into_iter().map(|command| command.id).collect()
}

#[track_caller]
fn assert_refused(rows: &[&str], message: &str) {
    assert_eq!(read(rows).err().map(|error| error.to_string()).as_deref(), Some(message));
}

fn the_days_file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/flights-2013-01-01.csv")
}

fn text(timeline: &Timeline) -> String {
    commands(timeline).iter().map(|command| serde_json::to_string(command).unwrap() + "\n").collect()
}

#[test]
fn a_line_is_what_the_host_reads() {
    let commands = commands(&read(&[FLOWN]).unwrap());
    let lines: Vec<String> = commands.iter().map(|command| serde_json::to_string(command).unwrap()).collect();
    assert_eq!(
        lines,
        [
            r#"{"id":"2013-01-01-UA-1545-EWR/schedule","aggregate":"Flight","aggregate_id":"2013-01-01-UA-1545-EWR","command":"Schedule","version":1,"payload":{"date":"2013-01-01","carrier":"UA","number":1545,"origin":"EWR","destination":"IAH","aircraft":"N14228","departure_clock":515,"departure_hour":"2013-01-01T10:00:00Z","arrival_clock":819,"distance_miles":1400},"actor":"UA"}"#,
            r#"{"id":"2013-01-01-UA-1545-EWR/depart","aggregate":"Flight","aggregate_id":"2013-01-01-UA-1545-EWR","command":"Depart","version":1,"payload":{"clock":517,"delay_minutes":2},"actor":"UA"}"#,
            r#"{"id":"2013-01-01-UA-1545-EWR/take-off","aggregate":"Aircraft","aggregate_id":"N14228","command":"TakeOff","version":1,"payload":{"trip":{"flight":"2013-01-01-UA-1545-EWR","origin":"EWR","destination":"IAH","distance_miles":1400,"departed_at":"2013-01-01T10:17:00Z"}},"actor":"UA"}"#,
            r#"{"id":"2013-01-01-UA-1545-EWR/arrive","aggregate":"Flight","aggregate_id":"2013-01-01-UA-1545-EWR","command":"Arrive","version":1,"payload":{"clock":830,"delay_minutes":11,"air_minutes":227},"actor":"UA"}"#,
            r#"{"id":"2013-01-01-UA-1545-EWR/land","aggregate":"Aircraft","aggregate_id":"N14228","command":"Land","version":1,"payload":{"flight":"2013-01-01-UA-1545-EWR","air_minutes":227},"actor":"UA"}"#,
        ]
    );
}

#[test]
fn a_flight_without_departure_is_cancelled() {
    assert_eq!(ids(&[CANCELLED]), ["2013-01-01-EV-4308-EWR/schedule", "2013-01-01-EV-4308-EWR/cancel"]);
}

#[test]
fn a_flight_without_time_in_the_air_is_diverted() {
    let verbs = |row| ids(&[row]).iter().map(|id| id.split('/').next_back().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(verbs(DIVERTED), ["schedule", "depart", "take-off", "divert", "divert-aircraft"]);
    assert_eq!(verbs(ARRIVED_LATER), ["schedule", "depart", "take-off", "divert", "divert-aircraft", "arrive"]);
}

#[test]
fn what_contradicts_itself_is_for_the_domain_to_refuse() {
    let half_arrived = FLOWN.replace(",227,", ",NA,");
    let without_tail_number = FLOWN.replace("N14228", "NA");
    let other_hour = FLOWN.replace("T10:", "T20:");
    assert_eq!(ids(&[&half_arrived]).len(), 4, "no landing without time in the air");
    assert_eq!(ids(&[&without_tail_number]).len(), 3, "no aircraft");
    assert_eq!(ids(&[&other_hour]).len(), 5);
}

#[test]
fn commands_come_in_the_order_of_time() {
    let lands_first = FLOWN.replace("UA,1545", "UA,1");
    // Leaves at the minute in which the other one lands: 10:17 and 227 minutes.
    let leaves_then = "2013,1,1,904,904,0,1200,1200,0,UA,2,N14228,EWR,IAH,227,1400,9,4,2013-01-01T14:00:00Z";
    let short = |id: &String| id.replace("2013-01-01-UA-", "").replace("-EWR", "");
    let ids: Vec<String> = ids(&[leaves_then, &lands_first]).iter().map(short).collect();
    assert_eq!(
        ids,
        [
            "1/schedule",
            "2/schedule",
            "1/depart",
            "1/take-off",
            "1/arrive",
            "1/land",
            "2/depart",
            "2/take-off",
            "2/arrive",
            "2/land"
        ]
    );
}

#[test]
fn feeding_twice_gives_the_same_commands_under_unique_ids() {
    let [first, second] = [feed::open(&the_days_file()).unwrap(), feed::open(&the_days_file()).unwrap()];
    assert_eq!(text(&first), text(&second));
    let ids: BTreeSet<String> = commands(&first).into_iter().map(|command| command.id).collect();
    assert_eq!(ids.len(), first.len());
    assert_eq!(commands(&first).len(), first.len());
}

#[test]
fn an_archive_is_read_like_its_table() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("day.csv.ZIP");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    archive.start_file("day.csv", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(&fs::read(the_days_file()).unwrap()).unwrap();
    archive.finish().unwrap();
    assert_eq!(text(&feed::open(&path).unwrap()), text(&feed::open(&the_days_file()).unwrap()));
}

#[test]
fn columns_are_found_by_name() {
    let flip = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",");
    let table = format!("{}\n{}\n", flip(HEADER), flip(FLOWN));
    assert_eq!(text(&feed::read(table.as_bytes(), "day.csv").unwrap()), text(&read(&[FLOWN]).unwrap()));
}

#[test]
fn errors_say_where() {
    let wrong_clock = FLOWN.replace(",517,", ",5:17,");
    assert_refused(
        &[FLOWN, &wrong_clock],
        r#"day.csv, line 3, column dep_time: "5:17" is not a local time as 517 or 2400; if it is unknown, write NA"#,
    );
    assert_refused(
        &[&FLOWN.replace(",515,", ",NA,")],
        "day.csv, line 2, column sched_dep_time: missing; expected a local time as 517 or 2400",
    );
    assert_refused(
        &[&FLOWN.replace("2013,1,1,", "2013,2,30,")],
        "day.csv, line 2, column day: there is no such date as 2013-2-30",
    );
    assert_refused(&[&FLOWN.replace("UA,", "")], "day.csv, line 2: has 18 fields, but the header has 19");
    let no_header = feed::read(FLOWN.as_bytes(), "day.csv").err().unwrap().to_string();
    assert_eq!(no_header, "day.csv, line 1, column year: missing in the header");
    let missing = feed::open(Path::new("missing.csv")).err().unwrap().to_string();
    assert!(missing.starts_with("missing.csv: "), "{missing}");
    let no_archive = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-archive.zip");
    fs::write(&no_archive, "year,month\n").unwrap();
    assert!(feed::open(&no_archive).is_err());
}

#[test]
fn no_damage_to_a_table_panics() {
    let table = format!("{HEADER}\n{FLOWN}\n{CANCELLED}\n{DIVERTED}\n");
    for position in 0..table.len() {
        let _ = feed::read(&table.as_bytes()[..position], "cut.csv");
        for byte in [b'\0', b'"', b',', b'\n', b'-', b'9', 0xff] {
            let mut damaged = table.clone().into_bytes();
            damaged[position] = byte;
            if let Ok(timeline) = feed::read(&damaged[..], "damaged.csv") {
                commands(&timeline);
            }
        }
    }
}
