//! Files, sockets and HTTP: imports that the runtime of a language brings and a pure guest never calls.
//!
//! Each is defined from the component's own import type, and nothing is behind it: no folder is opened for a guest, none
//! of these resources can be made, and every function stops the guest under its own name.

use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val, types::ComponentItem};

use super::refuse;
use crate::{audit::split, guest::GuestState};

/// The interfaces. Versions 0.2.x only, as of all others.
pub(crate) const STUBS: [&str; 11] = [
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// The one function with an answer: the C library of a guest asks for its folders when it opens its first file.
const OPENED_FOLDERS: &str = "wasi:filesystem/preopens.get-directories";

/// What a resource of a stub is to the host. There never is one.
struct Nothing;

/// Defines what a component imports of the stubs. The linker is this component's own.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    let mut known: Vec<ResourceType> = Vec::new();
    for (import, item) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(ty) = item.ty else { continue };
        let interface = split(import).0;
        let mut stub = STUBS.contains(&interface).then(|| linker.instance(import)).transpose()?;
        for (name, item) in ty.exports(&engine) {
            match (item.ty, &mut stub) {
                // Where an interface uses a resource of one before it, the same type has a name here too.
                (ComponentItem::Resource(resource), _) if known.contains(&resource) => {}
                (ComponentItem::Resource(resource), stub) => {
                    known.push(resource);
                    if let Some(stub) = stub {
                        stub.resource(name, ResourceType::host::<Nothing>(), |_, _| Ok(()))?;
                    }
                }
                (ComponentItem::ComponentFunc(_), Some(stub)) => function(stub, name, format!("{interface}.{name}"))?,
                _ => {}
            }
        }
    }
    Ok(())
}

fn function(linker: &mut LinkerInstance<GuestState>, name: &str, import: String) -> wasmtime::Result<()> {
    if import == OPENED_FOLDERS {
        return linker.func_new(name, |_, _, _, results| {
            results.fill(Val::List(Vec::new()));
            Ok(())
        });
    }
    linker.func_new(name, move |mut caller, _, _, _| refuse(caller.data_mut(), import.clone()))
}
