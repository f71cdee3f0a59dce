//! The names of a component's imports and exports.

use wasmparser::{ComponentExternalKind, Parser, Payload, Validator};
use wasmtime::{
    Engine,
    component::{self, types::ComponentItem},
};

use crate::LoadError;

/// The outermost names of a component, in its own order.
pub(crate) struct Surface {
    /// Everything that it imports.
    pub(crate) imports: Vec<String>,
    /// The interfaces that it exports.
    pub(crate) interfaces: Vec<String>,
}

impl Surface {
    /// Reads the names from a compiled component.
    pub(crate) fn of(engine: &Engine, component: &component::Component) -> Self {
        let ty = component.component_type();
        let interfaces = ty.exports(engine).filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentInstance(_)));
        Self {
            imports: ty.imports(engine).map(|(name, _)| name.to_owned()).collect(),
            interfaces: interfaces.map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// Validates all of a file, as the engine would, and reads the names. Compiles nothing.
    pub(crate) fn read(engine: &Engine, bytes: &[u8]) -> Result<Self, LoadError> {
        let mut validator = Validator::new_with_features(engine.get_wasm_features());
        validator.validate_all(bytes).and_then(|_| names(bytes)).map_err(|error| LoadError::Invalid(error.to_string()))
    }
}

/// Reads the component's own names, and not those of the components and modules in it.
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
