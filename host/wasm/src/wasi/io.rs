//! `wasi:io`: streams that are never read and never full. Nothing here waits.

use wasmtime::component::{ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType};

use super::caller::{Caller, refuse};
use crate::guest::GuestState;

/// The host's sides of the `wasi:io` resources. They hold nothing: only the number of a resource means something.
pub(super) struct IoError;
pub(super) struct InputStream;
pub(super) struct OutputStream;
pub(super) struct Pollable;

/// The number of an output stream says where it goes.
pub(super) const STDOUT: u32 = 1;
pub(super) const STDERR: u32 = 2;

/// Bytes that a stream takes in one write. What is kept of them is bounded apart from this.
const WRITE_BYTES: u64 = 64 << 10;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut error = linker.instance("wasi:io/error@0.2.0")?;
    error.resource("error", ResourceType::host::<IoError>(), |_, _| Ok(()))?;
    error.func_wrap("[method]error.to-debug-string", |_: Caller, (_,): (Resource<IoError>,)| {
        Ok((String::from("the stream failed"),))
    })?;

    let mut poll = linker.instance("wasi:io/poll@0.2.0")?;
    poll.resource("pollable", ResourceType::host::<Pollable>(), |_, _| Ok(()))?;
    poll.func_wrap("[method]pollable.ready", |_: Caller, (_,): (Resource<Pollable>,)| Ok((true,)))?;
    poll.func_wrap("[method]pollable.block", |_: Caller, (_,): (Resource<Pollable>,)| Ok(()))?;
    poll.func_wrap("poll", |_: Caller, (all,): (Vec<Resource<Pollable>>,)| {
        Ok(((0..all.len() as u32).collect::<Vec<u32>>(),))
    })?;

    let mut streams = linker.instance("wasi:io/streams@0.2.0")?;
    streams.resource("input-stream", ResourceType::host::<InputStream>(), |_, _| Ok(()))?;
    streams.resource("output-stream", ResourceType::host::<OutputStream>(), |_, _| Ok(()))?;
    add_input(&mut streams)?;
    add_output(&mut streams)
}

/// stdin is at its end from the start.
fn add_input(streams: &mut LinkerInstance<GuestState>) -> wasmtime::Result<()> {
    for name in ["[method]input-stream.read", "[method]input-stream.blocking-read"] {
        streams.func_wrap(name, |_: Caller, (_, _): (Resource<InputStream>, u64)| {
            Ok((Err::<Vec<u8>, StreamError>(StreamError::Closed),))
        })?;
    }
    for name in ["[method]input-stream.skip", "[method]input-stream.blocking-skip"] {
        streams.func_wrap(name, |_: Caller, (_, _): (Resource<InputStream>, u64)| {
            Ok((Err::<u64, StreamError>(StreamError::Closed),))
        })?;
    }
    streams.func_wrap("[method]input-stream.subscribe", |_: Caller, (_,): (Resource<InputStream>,)| {
        Ok((Resource::<Pollable>::new_own(0),))
    })
}

fn add_output(streams: &mut LinkerInstance<GuestState>) -> wasmtime::Result<()> {
    streams.func_wrap("[method]output-stream.check-write", |_: Caller, (_,): (Resource<OutputStream>,)| {
        Ok((Ok::<u64, StreamError>(WRITE_BYTES),))
    })?;
    for name in ["[method]output-stream.write", "[method]output-stream.blocking-write-and-flush"] {
        streams.func_wrap(name, |mut caller: Caller, (stream, bytes): (Resource<OutputStream>, Vec<u8>)| {
            write(caller.data_mut(), stream.rep(), &bytes);
            Ok((Ok::<(), StreamError>(()),))
        })?;
    }
    for name in ["[method]output-stream.write-zeroes", "[method]output-stream.blocking-write-zeroes-and-flush"] {
        streams.func_wrap(name, |mut caller: Caller, (stream, count): (Resource<OutputStream>, u64)| {
            write(caller.data_mut(), stream.rep(), &vec![0; count.min(WRITE_BYTES) as usize]);
            Ok((Ok::<(), StreamError>(()),))
        })?;
    }
    for name in ["[method]output-stream.flush", "[method]output-stream.blocking-flush"] {
        streams.func_wrap(name, |_: Caller, (_,): (Resource<OutputStream>,)| Ok((Ok::<(), StreamError>(()),)))?;
    }
    for name in ["[method]output-stream.splice", "[method]output-stream.blocking-splice"] {
        type Splice = (Resource<OutputStream>, Resource<InputStream>, u64);
        streams.func_wrap(name, |_: Caller, (_, _, _): Splice| Ok((Err::<u64, StreamError>(StreamError::Closed),)))?;
    }
    streams.func_wrap("[method]output-stream.subscribe", |_: Caller, (_,): (Resource<OutputStream>,)| {
        Ok((Resource::<Pollable>::new_own(0),))
    })
}

fn write(state: &mut GuestState, stream: u32, bytes: &[u8]) {
    match stream {
        STDERR => state.stderr.write(bytes),
        _ => state.stdout.write(bytes),
    }
}

/// A pollable for something that takes time is refused: a guest does not wait.
pub(super) fn refuse_waiting(mut caller: Caller, import: &'static str) -> wasmtime::Result<(Resource<Pollable>,)> {
    refuse(caller.data_mut(), import)
}
