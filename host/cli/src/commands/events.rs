//! `cantus events`: the log, or one aggregate's stream, oldest first. Only reads.

mod table;

use cantus_host::{EventPages, wire::EventJson};
use cantus_model::{AggregateRef, EventQuery, LogInfo, PageLimit, PartitionId, RecordedEvent, ports::EventReader};

use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit, OrExit},
    output,
    render::Length,
    settings,
    store_access::open_to_read,
};
use table::Table;

pub(crate) use table::text;

const EXAMPLES: &str = "\
Examples:
  cantus events
  cantus events --after 99 --limit 20
  cantus events Counter c-1
  cantus events --json --limit 1000000 > events.jsonl

Without an aggregate, --after is an offset of the log (from 0); with one, a stream version (from 1).
A log of several partitions is printed one partition after another, or --partition N alone; each
has offsets of its own.

A payload of more than 4,096 bytes is cut, and the bytes that are left out are counted; --full
shows all of it, and so does --json.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only this aggregate type's stream
    #[arg(requires = "id")]
    aggregate: Option<String>,
    /// The aggregate's id
    id: Option<String>,
    /// Only events beyond this offset, or beyond this stream version
    #[arg(long, value_name = "P")]
    after: Option<u64>,
    /// Only this partition of the log
    #[arg(long, value_name = "N", conflicts_with = "aggregate")]
    partition: Option<u32>,
    /// At most this many events
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
    /// Show payloads whole, however long they are
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    store: StoreArg,
}

/// Prints them, page by page.
///
/// # Errors
/// If the store cannot be read, or has no such partition.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store.clone())])?)?.settings;
    let store = open_to_read(&settings).await?;
    let log = store.log_info().await.or_exit(Exit::Store)?;
    let page = PageLimit { events: settings.host.engine.page_events, bytes: settings.host.engine.page_bytes };
    let mut printer = Printer::new(global.json, Length::of(args.full), page);
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let remainder = read(&*store, queries(&args, &log)?, limit, page, |page| printer.print(page)).await?;
    let printed = printer.finish()?;
    if !global.json {
        hint(printed, remainder, log.partitions);
    }
    Ok(Exit::Ok)
}

/// Where the log may go on after the last event that was asked for.
enum Remainder {
    /// All was read.
    Nothing,
    /// After this event, if there was one.
    After(PartitionId, Option<u64>),
}

/// Reads the events of all queries, up to `limit` of them together.
async fn read(
    reader: &dyn EventReader,
    queries: Vec<EventQuery>,
    limit: usize,
    page: PageLimit,
    mut take: impl FnMut(&[RecordedEvent]) -> Result<(), CliError>,
) -> Result<Remainder, CliError> {
    let mut left = limit;
    for query in queries {
        let partition = query.partition;
        let mut pages = EventPages::new(reader, EventQuery { limit: left, ..query }, page);
        while let Some(page) = pages.next().await.or_exit(Exit::Store)? {
            take(&page)?;
        }
        left = pages.left();
        if left == 0 {
            return Ok(Remainder::After(partition, pages.after()));
        }
    }
    Ok(Remainder::Nothing)
}

/// What to read, in this order.
fn queries(args: &Args, log: &LogInfo) -> Result<Vec<EventQuery>, CliError> {
    let refused = |why: String| Err(CliError::new(Exit::Usage, why));
    let query = EventQuery { after: args.after, ..EventQuery::default() };
    if let (Some(kind), Some(id)) = (&args.aggregate, &args.id) {
        return Ok(vec![EventQuery { aggregate: Some(AggregateRef::new(kind.as_str(), id.as_str())), ..query }]);
    }
    let of = |partition| EventQuery { partition, ..query.clone() };
    match args.partition {
        Some(partition) if partition >= log.partitions => {
            let last = log.partitions - 1;
            refused(format!("the log has no partition {partition}: its partitions are 0 to {last}"))
        }
        Some(partition) => Ok(vec![of(PartitionId(partition))]),
        None if args.after.is_some() && log.partitions > 1 => {
            let count = log.partitions;
            refused(format!("the log has {count} partitions with offsets of their own: name one with --partition"))
        }
        None => Ok(log.partition_ids().map(of).collect()),
    }
}

/// Tells a person why there is nothing, or how to see the rest.
fn hint(printed: usize, remainder: Remainder, partitions: u32) {
    match remainder {
        Remainder::Nothing if printed == 0 => eprintln!("no events"),
        Remainder::After(partition, Some(after)) if partitions > 1 => {
            eprintln!("there may be more: --partition {partition} --after {after}, and the partitions after it");
        }
        Remainder::After(_, Some(after)) => eprintln!("there may be more: --after {after}"),
        _ => {}
    }
}

/// Prints pages as lines of JSON, or gathers them into tables.
struct Printer {
    table: Option<Table>,
    printed: usize,
}

impl Printer {
    fn new(as_json: bool, length: Length, page: PageLimit) -> Self {
        Self { table: (!as_json).then(|| Table::new(length, page)), printed: 0 }
    }

    fn print(&mut self, page: &[RecordedEvent]) -> Result<(), CliError> {
        self.printed += page.len();
        if let Some(table) = &mut self.table {
            return page.iter().filter_map(|event| table.push(event)).try_for_each(|text| output::print(&text));
        }
        let mut lines = String::new();
        for event in page {
            lines.push_str(&output::json_line(&EventJson::from(event))?);
        }
        output::write(&lines)
    }

    /// Prints what is left, and says how many events there were.
    fn finish(mut self) -> Result<usize, CliError> {
        if let Some(text) = self.table.as_mut().and_then(Table::take) {
            output::print(&text)?;
        }
        Ok(self.printed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cantus_model::{Message, Position, Timestamp};
    use cantus_tests::store_suite::given;

    use super::*;

    fn event() -> RecordedEvent {
        RecordedEvent {
            position: Position { partition: PartitionId::FIRST, offset: 7 },
            aggregate: AggregateRef::new("Counter", "c-1"),
            version: 3,
            event: Message { name: "Counted".into(), version: 2, payload: b"{\"by\": 1.50}".to_vec() },
            recorded_at: Timestamp(1_357_035_420_000_000),
            command_id: "x".into(),
        }
    }

    #[test]
    fn people_see_a_table() {
        assert_eq!(
            text(&[event()], Length::Bounded),
            "recorded at                  position  aggregate    version  event       payload\n\
             2013-01-01T10:17:00.000000Z       0:7  Counter/c-1        3  Counted v2  {\"by\": 1.50}\n"
        );
    }

    #[test]
    fn programs_get_the_payload_as_it_was_stored() {
        let line = output::json_line(&EventJson::from(&event())).unwrap();
        assert!(line.ends_with("\"payload\":{\"by\": 1.50}}\n"), "{line}");
    }

    fn args(line: &str) -> Args {
        use clap::{Args as _, FromArgMatches};
        let command = Args::augment_args(clap::Command::new("events").no_binary_name(true));
        Args::from_arg_matches(&command.get_matches_from(line.split_whitespace())).unwrap()
    }

    fn asked(line: &str, partitions: u32) -> Result<Vec<(u32, Option<u64>)>, String> {
        let log = LogInfo { log_id: Default::default(), partitions };
        let queries = queries(&args(line), &log).map_err(|failure| failure.error.to_string())?;
        Ok(queries.into_iter().map(|query| (query.partition.0, query.after)).collect())
    }

    #[test]
    fn all_partitions_are_read_in_their_order() {
        assert_eq!(asked("", 1), Ok(vec![(0, None)]));
        assert_eq!(asked("--after 7", 1), Ok(vec![(0, Some(7))]));
        assert_eq!(asked("", 3), Ok(vec![(0, None), (1, None), (2, None)]));
        assert_eq!(asked("--partition 2 --after 7", 3), Ok(vec![(2, Some(7))]));
        assert_eq!(asked("Counter c-1 --after 7", 3), Ok(vec![(0, Some(7))]));
    }

    #[tokio::test]
    async fn the_limit_is_that_of_all_partitions_together() {
        let store: given::Subject = std::sync::Arc::new(cantus_store::MemoryStore::with_partitions(3));
        for partition in (0..3).map(PartitionId) {
            let claim = store.claim(partition).await.unwrap();
            let is_here = |id: &String| PartitionId::of(&given::account(id), 3) == partition;
            let ids = (0..).map(|n| n.to_string()).filter(is_here).take(4);
            let entries: Vec<_> = ids.map(|id| given::accepted(&id, &id, 0, &["1", "2"])).collect();
            given::commit(&store, claim, &entries).await;
        }
        let queries = queries(&args(""), &store.log_info().await.unwrap()).unwrap();
        let page = PageLimit { events: 5, bytes: 1 << 20 };
        for (limit, each, end) in [(100, [8, 8, 8], None), (12, [8, 4, 0], Some((1, 3))), (8, [8, 0, 0], Some((0, 7)))]
        {
            let mut found = Vec::new();
            let take = |page: &[RecordedEvent]| {
                found.extend(page.iter().map(|event| event.position));
                Ok(())
            };
            let remainder = read(&*store, queries.clone(), limit, page, take).await.unwrap();
            let expected = (0..3).zip(each).flat_map(|(partition, count)| {
                (0..count).map(move |offset| Position { partition: PartitionId(partition), offset })
            });
            assert_eq!(found, expected.collect::<Vec<_>>());
            let end_found = match remainder {
                Remainder::Nothing => None,
                Remainder::After(partition, after) => Some((partition.0, after.unwrap())),
            };
            assert_eq!(end_found, end);
        }
    }

    #[test]
    fn an_offset_belongs_to_a_partition() {
        assert!(asked("--after 7", 3).is_err_and(|why| why.contains("name one with --partition")));
        assert!(asked("--partition 3", 3).is_err_and(|why| why.contains("partitions are 0 to 2")));
    }
}
