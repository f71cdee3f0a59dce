//! What a component imports and exports, by name.

use wasmparser::{ComponentExternalKind, Parser, Payload, Validator};
use wasmtime::{
    Engine,
    component::{self, types::ComponentItem},
};

use crate::LoadError;

/// Its outermost names, each in the component's own order.
pub(crate) struct Surface {
    /// Everything that it imports.
    pub(crate) imports: Vec<String>,
    /// The interfaces that it exports.
    pub(crate) interfaces: Vec<String>,
}

impl Surface {
    /// Of a component that is compiled.
    pub(crate) fn of(engine: &Engine, component: &component::Component) -> Self {
        let ty = component.component_type();
        let interfaces = ty.exports(engine).filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentInstance(_)));
        Self {
            imports: ty.imports(engine).map(|(name, _)| name.to_owned()).collect(),
            interfaces: interfaces.map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// Validates all of a file, as the engine would, and reads the names. Nothing is compiled.
    pub(crate) fn read(engine: &Engine, bytes: &[u8]) -> Result<Self, LoadError> {
        let mut validator = Validator::new_with_features(engine.get_wasm_features());
        validator.validate_all(bytes).and_then(|_| names(bytes)).map_err(|error| LoadError::Invalid(error.to_string()))
    }
}

/// A component holds others, and modules: theirs are not its own.
fn names(bytes: &[u8]) -> wasmparser::Result<Surface> {
    let mut surface = Surface { imports: Vec::new(), interfaces: Vec::new() };
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    surface.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Instance {
                        surface.interfaces.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(surface)
}

/// An import's or export's interface and version.
pub(crate) fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((interface, version)) => (interface, Some(version)),
        None => (name, None),
    }
}
