//! The modules of a crate form no cycle, and a type name stands once in a crate. Both follow from the parsed sources.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Attribute, File, Item, ItemUse, Path, UseTree, Visibility,
    visit::{self, Visit},
};

/// Names that several modules of a crate may define: each command of the binary has its own arguments.
const MAY_STAND_TWICE: [&str; 1] = ["Args"];

/// A module by its path from the root of its crate.
type ModulePath = Vec<String>;

/// The modules of one crate.
#[derive(Default)]
pub(crate) struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

/// One source file.
#[derive(Default)]
struct Module {
    types: Vec<String>,
    /// Imports by the name that they have here.
    imports: BTreeMap<String, Vec<String>>,
    /// Imports and paths in its code, as written. A re-export is not one.
    references: BTreeSet<Vec<String>>,
}

impl Crate {
    /// Adds the file at `path` below the crate's `src/`.
    pub(crate) fn add(&mut self, path: &str, text: &str) {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        self.modules.insert(module_path(path), Module::of(&file));
    }

    /// The names of all types.
    pub(crate) fn types(&self) -> impl Iterator<Item = String> {
        self.modules.values().flat_map(|module| module.types.iter().cloned())
    }

    /// Type names that two modules define.
    pub(crate) fn doubled_types(&self) -> Vec<String> {
        let mut definers = BTreeMap::<&str, Vec<String>>::new();
        for (path, module) in &self.modules {
            for name in &module.types {
                definers.entry(name).or_default().push(path.join("::"));
            }
        }
        definers.retain(|name, modules| modules.len() > 1 && !MAY_STAND_TWICE.contains(name));
        definers
            .into_iter()
            .map(|(name, modules)| format!("`{name}` is defined in {}", modules.join(" and ")))
            .collect()
    }

    /// A cycle of modules that use each other, for each group of modules that has one.
    pub(crate) fn cycles(&self) -> Vec<String> {
        let mut edges: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> =
            self.modules.keys().map(|path| (path, self.used_by(path))).collect();
        let mut cycles = Vec::new();
        loop {
            while let Some(leaf) = edges.iter().find(|(_, used)| used.is_empty()).map(|(path, _)| *path) {
                edges.remove(leaf);
                for used in edges.values_mut() {
                    used.remove(leaf);
                }
            }
            // Whoever is left uses another that is left.
            let Some(start) = edges.keys().next() else { return cycles };
            let mut walk = vec![*start];
            let cycle = loop {
                let next = edges[walk[walk.len() - 1]].iter().next().expect("a leaf is left");
                match walk.iter().position(|seen| seen == next) {
                    Some(first) => break walk.split_off(first),
                    None => walk.push(next),
                }
            };
            let names: Vec<String> = cycle.iter().map(|path| name_of(path)).collect();
            cycles.push(format!("{} -> {}", names.join(" -> "), names[0]));
            let closing = cycle[cycle.len() - 1];
            if let Some(used) = edges.get_mut(closing) {
                used.remove(cycle[0]);
            }
        }
    }

    /// The modules whose items a module uses.
    fn used_by(&self, user: &ModulePath) -> BTreeSet<&ModulePath> {
        let references = &self.modules[user].references;
        let mut used: BTreeSet<_> = references.iter().filter_map(|path| self.definer(user, path, 0)).collect();
        used.remove(user);
        used
    }

    /// The module that defines what `path` names in `user`. `None` if it is a module or of another crate.
    fn definer(&self, user: &ModulePath, path: &[String], depth: usize) -> Option<&ModulePath> {
        let absolute = self.absolute(user, path, depth)?;
        let module = (0..=absolute.len()).rev().find_map(|end| self.modules.get_key_value(&absolute[..end]));
        let (module, content) = module?;
        let item = absolute.get(module.len())?;
        match content.imports.get(item) {
            // A name that is imported there is defined elsewhere.
            Some(import) if depth < 16 && !content.types.contains(item) => self.definer(module, import, depth + 1),
            _ => Some(module),
        }
    }

    /// The path from the root of the crate; `None` if it leads out of the crate.
    fn absolute(&self, user: &ModulePath, path: &[String], depth: usize) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let below = |module: &[String]| Some(module.iter().chain(rest).cloned().collect());
        match first.as_str() {
            "crate" => below(&[]),
            "self" => below(user),
            "super" => {
                let parent = &user[..user.len().checked_sub(1)?];
                match rest.first().map(String::as_str) {
                    Some("super") => self.absolute(&parent.to_vec(), rest, depth),
                    _ => below(parent),
                }
            }
            name => {
                let child: ModulePath = user.iter().cloned().chain([name.to_owned()]).collect();
                if self.modules.contains_key(&child) {
                    return below(&child);
                }
                let import = self.modules[user].imports.get(name).filter(|_| depth < 16)?;
                let target = self.absolute(user, import, depth + 1)?;
                below(&target)
            }
        }
    }
}

fn name_of(path: &ModulePath) -> String {
    if path.is_empty() { "the root".into() } else { path.join("::") }
}

fn module_path(file: &str) -> ModulePath {
    let parts = file.trim_end_matches(".rs").split('/').map(str::to_owned);
    parts.filter(|part| !["lib", "main", "mod"].contains(&part.as_str())).collect()
}

impl Module {
    fn of(file: &File) -> Self {
        let mut module = Self::default();
        module.visit_file(file);
        module
    }

    fn import(&mut self, import: &ItemUse, before: &[String], tree: &UseTree) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.import(import, &with(path.ident.to_string()), &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(import, before, tree)),
            UseTree::Glob(_) => self.note(import, "*".into(), with("*".into())),
            UseTree::Rename(rename) => {
                self.note(import, rename.rename.to_string(), with(rename.ident.to_string()));
            }
            UseTree::Name(name) if name.ident == "self" => {
                let last = before.last().cloned().unwrap_or_default();
                self.note(import, last, before.to_vec());
            }
            UseTree::Name(name) => self.note(import, name.ident.to_string(), with(name.ident.to_string())),
        }
    }

    fn note(&mut self, import: &ItemUse, name: String, path: Vec<String>) {
        if matches!(import.vis, Visibility::Inherited) {
            self.references.insert(path.clone());
        }
        self.imports.insert(name, path);
    }
}

impl Visit<'_> for Module {
    fn visit_item(&mut self, item: &Item) {
        let (attributes, name) = match item {
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            Item::Type(item) => (&item.attrs, Some(&item.ident)),
            Item::Mod(item) => (&item.attrs, None),
            _ => return visit::visit_item(self, item),
        };
        if is_for_tests(attributes) {
            return;
        }
        self.types.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }

    /// Types that a function defines for itself do not count.
    fn visit_block(&mut self, block: &syn::Block) {
        let types = self.types.len();
        visit::visit_block(self, block);
        self.types.truncate(types);
    }

    fn visit_item_use(&mut self, import: &ItemUse) {
        self.import(import, &[], &import.tree);
    }

    fn visit_path(&mut self, path: &Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 && path.leading_colon.is_none() {
            self.references.insert(segments);
        }
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of(files: &[(&str, &str)]) -> Crate {
        let mut of = Crate::default();
        files.iter().for_each(|(path, text)| of.add(path, text));
        of
    }

    #[test]
    fn a_cycle_is_noticed() {
        let with = |b: &str| {
            crate_of(&[("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::B; pub struct A(B);"), ("b.rs", b)])
        };
        assert_eq!(with("pub struct B(Box<crate::a::A>);").cycles(), ["a -> b -> a"]);
        assert_eq!(with("use super::a; pub struct B(Box<a::A>);").cycles(), ["a -> b -> a"]);
        assert!(with("pub struct B; #[cfg(test)] mod tests { use crate::a::A; }").cycles().is_empty());
    }

    #[test]
    fn a_child_that_uses_its_parent_is_noticed() {
        let with = |root: &str| {
            crate_of(&[("a/mod.rs", root), ("a/b.rs", "use super::A; pub fn b(_: A) {}"), ("lib.rs", "mod a;")])
        };
        assert_eq!(with("mod b; pub struct A; fn a() { b::b(A) }").cycles(), ["a -> a::b -> a"]);
        assert!(with("mod b; pub use b::b; pub struct A;").cycles().is_empty());
    }

    #[test]
    fn a_name_is_looked_for_where_it_is_defined() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::A;"),
            ("a.rs", "pub struct A; use crate::b::f;"),
            ("b.rs", "use crate::A; pub fn f(_: A) {}"),
        ];
        assert_eq!(crate_of(&files).cycles(), ["a -> b -> a"]);
    }

    #[test]
    fn a_type_that_stands_twice_is_noticed() {
        let twice =
            |name: &str| crate_of(&[("a.rs", &format!("struct {name};")), ("b.rs", &format!("enum {name} {{}}"))]);
        assert_eq!(twice("Step").doubled_types(), ["`Step` is defined in a and b"]);
        assert!(twice("Args").doubled_types().is_empty());
        assert!(
            crate_of(&[("a.rs", "struct Step; fn f() { struct Local; }"), ("b.rs", "fn g() { struct Local; }")])
                .doubled_types()
                .is_empty()
        );
    }
}
