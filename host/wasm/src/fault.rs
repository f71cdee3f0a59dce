//! Converts an error of wasmtime into a [`Fault`] that a person can act on.

use cantus_model::{Fault, FaultKind};
use wasmtime::{Trap, WasmBacktrace};

use crate::{component_context::ComponentContext, guest::GuestState, one_line::one_line, uncaught};

const MAX_FRAMES: usize = 32;

/// Explains why `call` failed. What the guest printed to stderr last is most often why it trapped.
pub(crate) fn explain(
    shared: &ComponentContext,
    call: &'static str,
    error: &wasmtime::Error,
    state: &GuestState,
    stderr: Option<&str>,
) -> Fault {
    let kind = kind(error, state);
    let reason = match (kind, &state.refused) {
        (FaultKind::RefusedCall, Some(import)) => format!("it called {import}, which the sandbox refuses"),
        (FaultKind::OutOfFuel, _) => format!("out of fuel after {} units: does it loop?", shared.limits.fuel_per_call),
        (FaultKind::TimeLimit, _) => format!("stopped after {} ms", shared.limits.call_timeout_ms),
        (FaultKind::MemoryLimit, _) => format!("more than {} bytes of memory", shared.limits.memory_bytes),
        (FaultKind::StackOverflow, _) => "it used up its stack: does it recurse without end?".into(),
        (FaultKind::Host, _) if error.is::<wasmtime::PoolConcurrencyLimitError>() => {
            format!("all {} sandboxes are in use: raise `wasm.sandboxes`", shared.limits.sandboxes)
        }
        (FaultKind::ResultTooLarge, _) => "it returned more than the host takes".into(),
        _ => error.root_cause().to_string(),
    };
    let message = match stderr.filter(|text| !text.is_empty()) {
        Some(text) if kind == FaultKind::Trap => uncaught::message(text),
        _ => reason,
    };
    fault(shared, kind, call, message, backtrace(error))
}

/// Makes a fault that the host itself found.
pub(crate) fn fault(
    shared: &ComponentContext,
    kind: FaultKind,
    call: &'static str,
    message: String,
    backtrace: Vec<String>,
) -> Fault {
    Fault {
        kind,
        call,
        message: one_line(&message),
        backtrace,
        plugin: shared.plugin.clone(),
        component: shared.digest,
    }
}

fn kind(error: &wasmtime::Error, state: &GuestState) -> FaultKind {
    if state.refused.is_some() {
        return FaultKind::RefusedCall;
    }
    if state.memory.exceeded {
        return FaultKind::MemoryLimit;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => FaultKind::OutOfFuel,
        Some(Trap::StackOverflow) => FaultKind::StackOverflow,
        // A Rust guest keeps large frames below everything else in linear memory: beyond their end is out of bounds.
        Some(Trap::MemoryOutOfBounds) if recurses(error) => FaultKind::StackOverflow,
        Some(Trap::Interrupt) => FaultKind::TimeLimit,
        Some(_) => FaultKind::Trap,
        // wasmtime keeps the type of this error to itself.
        None if error.root_cause().to_string().contains("hostcalls has been exhausted") => FaultKind::ResultTooLarge,
        None if error.is::<wasmtime::PoolConcurrencyLimitError>() => FaultKind::Host,
        None => FaultKind::Trap,
    }
}

/// Reports whether the innermost function called itself again and again.
fn recurses(error: &wasmtime::Error) -> bool {
    const OFTEN: usize = 8;
    let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    let innermost = frames.first().map(wasmtime::FrameInfo::func_index);
    frames.iter().filter(|frame| Some(frame.func_index()) == innermost).count() >= OFTEN
}

fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    frames.iter().take(MAX_FRAMES).map(frame).collect()
}

fn frame(frame: &wasmtime::FrameInfo) -> String {
    match frame.func_name() {
        Some(name) => demangle(name),
        None => format!("<function {}>", frame.func_index()),
    }
}

fn demangle(name: &str) -> String {
    rustc_demangle::try_demangle(name).map_or_else(|_| name.to_owned(), |name| format!("{name:#}"))
}
