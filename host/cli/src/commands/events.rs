//! `cantus events`: shows the events of the log or of one aggregate, the oldest first. It only reads.

mod table;

use cantus_host::{EventPages, open_store_read_only, wire::EventJson};
use cantus_model::{AggregateRef, EventQuery, LogInfo, PageLimit, PartitionId, RecordedEvent, ports::EventReader};

use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit, OrExit},
    output::{self, OutputFormat},
    render::PayloadLength,
    settings,
};
use table::EventTable;

pub(crate) use table::table_text;

const EXAMPLES: &str = "\
Examples:
  cantus events
  cantus events --after 99 --limit 20
  cantus events Counter c-1
  cantus events --json --limit 1000000 > events.jsonl

Without an aggregate, --after is an offset of the log, which begins at 0. With an aggregate, it is
a version of its stream, which begins at 1. If the log has several partitions, they are printed one
after the other; --partition N selects one. Each partition has its own offsets.

A payload of more than 4,096 bytes is cut, and a note counts the bytes that are left out. --full
and --json show the whole payload.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The aggregate type whose stream is shown, instead of the whole log
    #[arg(requires = "id")]
    aggregate: Option<String>,
    /// The id of the aggregate
    id: Option<String>,
    /// Show only events after this offset, or after this stream version
    #[arg(long, value_name = "P")]
    after: Option<u64>,
    /// Show only this partition of the log
    #[arg(long, value_name = "N", conflicts_with = "aggregate")]
    partition: Option<u32>,
    /// Show at most this many events
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
    /// Show every payload completely
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    store: StoreArg,
}

/// Prints the events, page by page.
///
/// # Errors
/// If the store cannot be read, or has no such partition.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store.clone())])?)?.settings;
    let store = open_store_read_only(&settings.host).await?;
    let log = store.log_info().await.or_exit(Exit::Store)?;
    let page = PageLimit { events: settings.host.engine.page_events, bytes: settings.host.engine.page_bytes };
    let mut printer = EventPrinter::new(global.format(), PayloadLength::from_flag(args.full), page);
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let remainder = read(&*store, queries(&args, &log)?, limit, page, |page| printer.print(page)).await?;
    let printed = printer.finish()?;
    if !global.json {
        print_hint(printed, remainder, log.partitions);
    }
    Ok(Exit::Ok)
}

/// The events that the limit left out.
enum Remainder {
    /// None: all events were read.
    Nothing,
    /// Perhaps some, after this event.
    After(PartitionId, Option<u64>),
}

/// Reads the events of all queries, up to `limit` of them together.
async fn read(
    reader: &dyn EventReader,
    queries: Vec<EventQuery>,
    limit: usize,
    page: PageLimit,
    mut print: impl FnMut(&[RecordedEvent]) -> Result<(), CliError>,
) -> Result<Remainder, CliError> {
    let mut left = limit;
    for query in queries {
        let partition = query.partition;
        let mut pages = EventPages::new(reader, EventQuery { limit: left, ..query }, page);
        while let Some(page) = pages.next().await.or_exit(Exit::Store)? {
            print(&page)?;
        }
        left = pages.left();
        if left == 0 {
            return Ok(Remainder::After(partition, pages.after()));
        }
    }
    Ok(Remainder::Nothing)
}

/// Builds one query for each partition, or one for the aggregate.
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
            refused(format!("the log has {count} partitions, each with its own offsets: select one with --partition"))
        }
        None => Ok(log.partition_ids().map(of).collect()),
    }
}

/// Prints a note if there are no events, or if there may be more.
fn print_hint(printed: usize, remainder: Remainder, partitions: u32) {
    match remainder {
        Remainder::Nothing if printed == 0 => eprintln!("no events"),
        Remainder::After(partition, Some(after)) if partitions > 1 => {
            eprintln!("there may be more: use --partition {partition} --after {after}, and then the later partitions");
        }
        Remainder::After(_, Some(after)) => eprintln!("there may be more: use --after {after}"),
        _ => {}
    }
}

/// Prints pages as JSON lines, or collects them into tables.
struct EventPrinter {
    table: Option<EventTable>,
    printed: usize,
}

impl EventPrinter {
    fn new(format: OutputFormat, length: PayloadLength, page: PageLimit) -> Self {
        Self { table: (format == OutputFormat::Text).then(|| EventTable::new(length, page)), printed: 0 }
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

    /// Prints the last table, and returns the count of all events.
    fn finish(mut self) -> Result<usize, CliError> {
        if let Some(text) = self.table.as_mut().and_then(EventTable::take) {
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
    fn text_output_is_a_table() {
        assert_eq!(
            table_text(&[event()], PayloadLength::Bounded),
            "recorded at                  position  aggregate    version  event       payload\n\
             2013-01-01T10:17:00.000000Z       0:7  Counter/c-1        3  Counted v2  {\"by\": 1.50}\n"
        );
    }

    #[test]
    fn json_output_keeps_the_bytes_of_the_payload() {
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
    fn partitions_are_read_in_order() {
        assert_eq!(asked("", 1), Ok(vec![(0, None)]));
        assert_eq!(asked("--after 7", 1), Ok(vec![(0, Some(7))]));
        assert_eq!(asked("", 3), Ok(vec![(0, None), (1, None), (2, None)]));
        assert_eq!(asked("--partition 2 --after 7", 3), Ok(vec![(2, Some(7))]));
        assert_eq!(asked("Counter c-1 --after 7", 3), Ok(vec![(0, Some(7))]));
    }

    #[tokio::test]
    async fn the_limit_counts_the_events_of_all_partitions() {
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
        assert!(asked("--after 7", 3).is_err_and(|why| why.contains("select one with --partition")));
        assert!(asked("--partition 3", 3).is_err_and(|why| why.contains("partitions are 0 to 2")));
    }
}
