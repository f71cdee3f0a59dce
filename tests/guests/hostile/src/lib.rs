//! Everything that a guest should not do, written as a plugin's author would write it.

use cantus_sdk::prelude::*;

/// A climber who falls at 255.
#[aggregate(snapshot_every = 4)]
pub struct Climber {
    height: u8,
}

/// Asks for what every other host would do.
#[command(Climber, version = 1, produces = [Climbed])]
pub struct Climb {
    by: u8,
}

#[command_handler(Climber, version = 1)]
impl ClimbHandler {
    type Error = Rejection;

    fn handle(&self, _: &Climber, command: Climb) -> Result<Climbed, Rejection> {
        Ok(Climbed { by: command.by, note: String::new() })
    }
}

/// Asks for trouble.
#[command(Climber, version = 1, produces = [Climbed, Fallen])]
pub struct Misbehave {
    how: How,
    /// Bytes or events, where it takes a count.
    #[serde(default)]
    size: usize,
}

#[value]
pub enum How {
    Loop,
    Allocate,
    Recurse,
    Panic,
    LargeEvent,
    LargeRejection,
    ManyEvents,
    RejectWithoutCode,
    Sleep,
    Exit,
    Print,
    PrintAndPanic,
    Fall,
    ReadClock,
    ReadFile,
    WriteFile,
    Connect,
    Resolve,
}

#[command_handler(Climber, version = 1)]
impl MisbehaveHandler {
    type Error = Rejection;

    fn handle(&self, _: &Climber, command: Misbehave) -> Result<Events<Climber>, Rejection> {
        let size = command.size;
        let text = || "x".repeat(size);
        let climbed = |note: String| Events::new().and(Climbed { by: 1, note });
        match command.how {
            How::Loop => spin(),
            How::Allocate => hoard(),
            How::Recurse => Ok(climbed(recurse(1).to_string())),
            How::Panic => panic!("the rope broke\nat the second knot"),
            How::LargeEvent => Ok(climbed(text())),
            How::LargeRejection => Err(Rejection::new("large", text())),
            How::ManyEvents => {
                Ok((0..size).fold(Events::new(), |events, _| events.and(Climbed { by: 0, note: String::new() })))
            }
            How::RejectWithoutCode => Err(Rejection::new("", "no reason")),
            How::Sleep => {
                std::thread::sleep(std::time::Duration::from_secs(3_600));
                Ok(Events::new())
            }
            How::Exit => std::process::exit(0),
            How::Print => {
                print(size);
                Ok(climbed(String::new()))
            }
            How::PrintAndPanic => {
                print(size);
                panic!("hoarse")
            }
            How::Fall => Ok(Events::new().and(Fallen {})),
            How::ReadClock => {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                Ok(climbed(now.map_or(0, |now| now.as_micros()).to_string()))
            }
            How::ReadFile => panic!("{:?}", std::fs::read("/etc/passwd")),
            How::WriteFile => panic!("{:?}", std::fs::write("left-behind", "x")),
            How::Connect => panic!("{:?}", std::net::TcpStream::connect(std::net::SocketAddr::from(([127, 0, 0, 1], 80)))),
            How::Resolve => panic!("{:?}", std::net::TcpStream::connect(("localhost", 80))),
        }
    }
}

fn spin() -> ! {
    loop {
        std::hint::black_box(());
    }
}

fn hoard() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 32]);
    recurse(depth + 1) + frame[31]
}

fn print(bytes: usize) {
    let line = "o".repeat(1_023);
    for _ in 0..bytes / 1_024 {
        println!("{line}");
        eprintln!("{line}");
    }
}

/// Keeps what it is given: its state grows as large as one likes.
#[aggregate]
pub struct Hoarder {
    kept: String,
}

/// Asks it to keep so much more.
#[command(Hoarder, version = 1, produces = [Kept])]
pub struct Keep {
    bytes: usize,
}

#[command_handler(Hoarder, version = 1)]
impl KeepHandler {
    type Error = Rejection;

    fn handle(&self, _: &Hoarder, command: Keep) -> Result<Kept, Rejection> {
        Ok(Kept { what: "x".repeat(command.bytes) })
    }
}

/// It kept it.
#[event(Hoarder, version = 1)]
pub struct Kept {
    what: String,
}

#[event_combiner(Hoarder, version = 1)]
impl Kept {
    fn combine(&self, state: &mut Hoarder) {
        state.kept.push_str(&self.what);
    }
}

/// It went up.
#[event(Climber, version = 1)]
pub struct Climbed {
    by: u8,
    note: String,
}

#[event_combiner(Climber, version = 1)]
impl Climbed {
    fn combine(&self, state: &mut Climber) {
        state.height = state.height.checked_add(self.by).expect("higher than the mountain");
    }
}

/// It went down, as version 1 had it.
#[event(Climber, version = 1)]
pub struct Fallen {}

#[event_upcaster(Climber, from = 1, to = 2)]
impl Fallen {
    fn upcast(self) -> FallenV2 {
        panic!("nobody knows how deep")
    }
}

/// It went down.
#[event(Climber, version = 2, name = "Fallen")]
pub struct FallenV2 {
    by: u8,
}

#[event_combiner(Climber, version = 2)]
impl FallenV2 {
    fn combine(&self, state: &mut Climber) {
        state.height -= self.by;
    }
}
