//! `flights-commands [FILE]`: the bureau's table as commands for `cantus run`, as JSON Lines on standard output.

/// The plugin's build compiles all targets; this one has nothing to do there.
#[cfg(target_family = "wasm")]
fn main() {}

#[cfg(not(target_family = "wasm"))]
fn main() -> std::process::ExitCode {
    native::main()
}

#[cfg(not(target_family = "wasm"))]
mod native {
    use std::io::{self, BufWriter, Write};
    use std::{path::Path, process::ExitCode};

    use flights::feed::{self, FeedError, Timeline};

    const USAGE: &str = "\
Turns the bureau's table of flights into commands for `cantus run`, as JSON Lines on standard output.

Usage: flights-commands [FILE.csv | FILE.csv.zip | -]

Without a file, or with -, it reads CSV from standard input.

Example:
  flights-commands data/flights-2013-01-01.csv | cantus run --plugins plugins --commands -

Exit codes: 0 done, 1 the table or the output failed, 2 wrong arguments.";

    pub(crate) fn main() -> ExitCode {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["-h" | "--help"] => {
                println!("{USAGE}");
                ExitCode::SUCCESS
            }
            [] | ["-"] => write(feed::read(io::stdin().lock(), "standard input")),
            [file] if !file.starts_with('-') => write(feed::open(Path::new(file))),
            _ => {
                eprintln!("flights-commands: expected one file\n\n{USAGE}");
                ExitCode::from(2)
            }
        }
    }

    fn write(table: Result<Timeline, FeedError>) -> ExitCode {
        let written = table.map_err(|error| error.to_string()).and_then(|timeline| match write_lines(&timeline) {
            // Whoever reads us has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| format!("standard output: {error}")),
        });
        match written {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("flights-commands: {error}");
                ExitCode::FAILURE
            }
        }
    }

    fn write_lines(timeline: &Timeline) -> io::Result<()> {
        let mut output = BufWriter::new(io::stdout().lock());
        for command in timeline.commands() {
            serde_json::to_writer(&mut output, &command?)?;
            output.write_all(b"\n")?;
        }
        output.flush()
    }
}
