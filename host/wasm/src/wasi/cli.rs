//! `wasi:cli`: no arguments, no environment, no terminal, no way out.

use wasmtime::component::{Linker, Resource, ResourceType};

use super::{
    caller::{Caller, refuse},
    io::{InputStream, OutputStream, STDERR, STDOUT},
};
use crate::guest::GuestState;

/// No guest ever holds one of these: it is told that there is no terminal.
struct TerminalInput;
struct TerminalOutput;

pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut environment = linker.instance("wasi:cli/environment@0.2.0")?;
    environment.func_wrap("get-environment", |_: Caller, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
    environment.func_wrap("get-arguments", |_: Caller, (): ()| Ok((Vec::<String>::new(),)))?;
    environment.func_wrap("initial-cwd", |_: Caller, (): ()| Ok((None::<String>,)))?;

    let mut exit = linker.instance("wasi:cli/exit@0.2.0")?;
    exit.func_wrap("exit", |mut caller: Caller, (_,): (Result<(), ()>,)| {
        refuse::<()>(caller.data_mut(), "wasi:cli/exit")
    })?;

    linker
        .instance("wasi:cli/stdin@0.2.0")?
        .func_wrap("get-stdin", |_: Caller, (): ()| Ok((Resource::<InputStream>::new_own(0),)))?;
    linker
        .instance("wasi:cli/stdout@0.2.0")?
        .func_wrap("get-stdout", |_: Caller, (): ()| Ok((Resource::<OutputStream>::new_own(STDOUT),)))?;
    linker
        .instance("wasi:cli/stderr@0.2.0")?
        .func_wrap("get-stderr", |_: Caller, (): ()| Ok((Resource::<OutputStream>::new_own(STDERR),)))?;
    add_terminals(linker)
}

fn add_terminals(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    linker.instance("wasi:cli/terminal-input@0.2.0")?.resource(
        "terminal-input",
        ResourceType::host::<TerminalInput>(),
        |_, _| Ok(()),
    )?;
    linker.instance("wasi:cli/terminal-output@0.2.0")?.resource(
        "terminal-output",
        ResourceType::host::<TerminalOutput>(),
        |_, _| Ok(()),
    )?;
    linker
        .instance("wasi:cli/terminal-stdin@0.2.0")?
        .func_wrap("get-terminal-stdin", |_: Caller, (): ()| Ok((None::<Resource<TerminalInput>>,)))?;
    for (instance, function) in [
        ("wasi:cli/terminal-stdout@0.2.0", "get-terminal-stdout"),
        ("wasi:cli/terminal-stderr@0.2.0", "get-terminal-stderr"),
    ] {
        linker.instance(instance)?.func_wrap(function, |_: Caller, (): ()| Ok((None::<Resource<TerminalOutput>>,)))?;
    }
    Ok(())
}
