//! Files, sockets and HTTP: imports that the runtime of a language brings and a pure guest never calls.
//!
//! Each is defined from the component's own import type, and nothing is behind it: no folder is opened for a guest, none
//! of these resources can be made, and every function stops the guest under its own name.

use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val, types::ComponentItem};

use super::caller::refuse;
use crate::{contract::split, guest::GuestState};

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

/// The type of all resources of stubs. There never is one.
struct Nothing;

/// Defines what a component imports of the stubs. The linker is this component's own.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    let mut known = Vec::new();
    for (import, item) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(ty) = item.ty else { continue };
        let items: Vec<_> = ty.exports(&engine).map(|(name, item)| (name, item.ty)).collect();
        let interface = split(import).0;
        if STUBS.contains(&interface) {
            stub(&mut linker.instance(import)?, interface, &items, &known)?;
        }
        known.extend(items.iter().filter_map(|(_, ty)| resource(ty)));
    }
    Ok(())
}

/// Defines one interface. Where it uses a resource of an interface before it, that has a name here too and is defined there.
fn stub(
    linker: &mut LinkerInstance<GuestState>,
    interface: &str,
    items: &[(&str, ComponentItem)],
    known: &[ResourceType],
) -> wasmtime::Result<()> {
    for (name, ty) in items {
        if resource(ty).is_some_and(|ty| !known.contains(&ty)) {
            linker.resource(name, ResourceType::host::<Nothing>(), |_, _| Ok(()))?;
        }
        if matches!(ty, ComponentItem::ComponentFunc(_)) {
            function(linker, name, format!("{interface}.{name}"))?;
        }
    }
    Ok(())
}

fn resource(ty: &ComponentItem) -> Option<ResourceType> {
    match ty {
        ComponentItem::Resource(ty) => Some(*ty),
        _ => None,
    }
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
